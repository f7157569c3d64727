package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// frame is how the cluster was at a time.
type frame struct {
	Time       time.Time
	Datacenter string
	Leader     string // its name; empty while there is none
	Term       string
	Index      uint64  // of the log, on the server that was asked
	Changes    float64 // per second, since the frame before
	Nodes      int
	Services   int
	Instances  int
	Passing    bool // no check is in trouble
	Warning    int  // checks
	Critical   int
	Watchers   int // clients that wait for a change
	Servers    []*serverLine
	Troubles   []*api.Check
}

// serverLine is a server in a frame.
type serverLine struct {
	Name    string
	Role    string // "leader", "voter", "non-voter", …
	Address string
	Status  string // as the members see it: "alive", "failed", …
	Healthy bool
	Index   uint64
	Lag     uint64             // entries behind the leader
	Changes float64            // per second
	Contact string             // since it heard of the leader
	Figures *api.ServerFigures `json:",omitempty"` // nil if it does not tell
}

// busy are the cells that tell how busy the server is.
func (s *serverLine) busy() []string {
	f := s.Figures
	if f == nil {
		return []string{"", "", "", ""}
	}
	return []string{strconv.Itoa(f.Watchers), strconv.Itoa(f.Checks), brief(time.Duration(f.LateP99)), bytesText(int64(f.Memory))}
}

// readFrame asks for everything at a time, so that it fits together.
func readFrame(ctx context.Context, c *api.Client) (*frame, error) {
	f := &frame{Time: time.Now(), Servers: []*serverLine{}, Troubles: []*api.Check{}}
	stale := &api.QueryOptions{Consistency: api.ReadStale}
	self, err := c.Agent().Self(ctx)
	if err != nil {
		return nil, err
	}
	f.Datacenter, f.Term = self.Config.Datacenter, self.Stats["raft"]["term"]
	f.Index, _ = strconv.ParseUint(self.Stats["raft"]["applied_index"], 10, 64)
	usage, _, err := c.Operator().Usage(ctx, stale)
	if err != nil {
		return nil, err
	}
	for _, u := range usage {
		f.Nodes, f.Services, f.Instances = f.Nodes+u.Nodes, f.Services+u.Services, f.Instances+u.ServiceInstances
	}
	for _, state := range []string{api.Critical, api.Warning} {
		checks, _, err := c.Health().State(ctx, state, stale)
		if err != nil {
			return nil, err
		}
		if state == api.Critical {
			f.Critical = len(checks)
		} else {
			f.Warning = len(checks)
		}
		f.Troubles = append(f.Troubles, checks...)
	}
	f.Passing = len(f.Troubles) == 0
	// Without a leader nobody has an opinion of the servers; the rest still
	// shows.
	if state, err := c.Operator().AutopilotState(ctx); err == nil {
		f.servers(state)
		f.load(ctx, c)
	}
	return f, nil
}

// servers takes over what the leader thinks of the servers.
func (f *frame) servers(state *api.AutopilotState) {
	var newest uint64
	if leader := state.Servers[state.Leader]; leader != nil {
		f.Leader, newest = leader.Name, leader.LastIndex
	}
	for _, s := range state.Servers {
		line := &serverLine{Name: s.Name, Role: s.Status, Address: s.Address, Status: s.NodeStatus, Healthy: s.Healthy,
			Index: s.LastIndex, Contact: time.Duration(s.LastContact).String()}
		if newest > s.LastIndex {
			line.Lag = newest - s.LastIndex
		}
		f.Servers = append(f.Servers, line)
	}
	slices.SortFunc(f.Servers, func(a, b *serverLine) int { return cmp.Compare(a.Name, b.Name) })
}

// load adds how busy the servers are. Some do not tell: Consul's, and those that
// are away.
func (f *frame) load(ctx context.Context, c *api.Client) {
	list, err := c.Cluster().Servers(ctx, false)
	if err != nil {
		return
	}
	for _, figures := range list {
		for _, line := range f.Servers {
			if figures.Server == line.Name && !figures.Silent {
				line.Figures = figures
				f.Watchers += figures.Watchers
			}
		}
	}
}

// since counts the changes per second since an older frame.
func (f *frame) since(old *frame) {
	seconds := f.Time.Sub(old.Time).Seconds()
	rate := func(now, before uint64) float64 {
		if before == 0 || now < before || seconds <= 0 {
			return 0 // another server answered, or the log began anew
		}
		return float64(now-before) / seconds
	}
	f.Changes = rate(f.Index, old.Index)
	for _, s := range f.Servers {
		for _, o := range old.Servers {
			if o.Name == s.Name {
				s.Changes = rate(s.Index, o.Index)
			}
		}
	}
}

func (f *frame) print(w io.Writer) {
	l := lookIn(w)
	leader := l.in(red, "no leader")
	if f.Leader != "" {
		leader = "leader " + l.in(bold, f.Leader)
	}
	fmt.Fprintf(w, "%s  %s  %s  term %s  index %d  %.1f changes/s\n", f.Time.Format(time.TimeOnly), f.Datacenter, leader,
		shown(f.Term), f.Index, f.Changes)
	checks := l.in(green, "all checks pass")
	if !f.Passing {
		checks = l.in(red, plural(f.Critical, "check critical", "checks critical")) + ", " + l.in(yellow, plural(f.Warning, "warning", "warnings"))
	}
	fmt.Fprintf(w, "%s  %s  %s  %s  %s\n\n", plural(f.Nodes, "node", "nodes"), plural(f.Services, "service", "services"),
		plural(f.Instances, "instance", "instances"), plural(f.Watchers, "watcher", "watchers"), checks)
	var rows [][]string
	for _, s := range f.Servers {
		health := "ok"
		if !s.Healthy {
			health = "bad"
		}
		rows = append(rows, append([]string{s.Name, s.Role, s.Address, s.Status, health, fmt.Sprint(s.Index), fmt.Sprint(s.Lag),
			fmt.Sprintf("%.1f", s.Changes), s.Contact}, s.busy()...))
	}
	table(w, "Server|Role|Address|Status|Health|Index|Lag|Changes/s|Contact|Watchers|Checks|Late|Memory", rows)
	if len(f.Troubles) == 0 {
		return
	}
	fmt.Fprintln(w)
	rows = nil
	for _, c := range f.Troubles {
		rows = append(rows, []string{c.ServiceName, c.ServiceID, c.Node, c.Status, c.CheckID, clip(shown(c.Output), 100)})
	}
	table(w, "Service|Instance|Node|Status|Check|Output", rows)
}
