package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// surroundings is what explanations need to know of the cluster.
type surroundings struct {
	index   uint64            // of the newest change
	servers map[string]string // status by name
	near    map[string]string // output by check ID: what the server asked saw last of its own node's checks
	self    string            // the server asked
	// runs are the checks that the cluster runs, by node and ID, of what was
	// looked up; nil where the servers do not tell.
	runs   map[string]*api.CheckRun
	looked map[string]bool // nodes and services that were
}

func surround(ctx context.Context, c *api.Client) (*surroundings, error) {
	s := &surroundings{servers: map[string]string{}, near: map[string]string{}, runs: map[string]*api.CheckRun{}, looked: map[string]bool{}}
	members, err := c.Agent().Members(ctx, false, "")
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		s.servers[strings.ToLower(m.Name)] = statusOf(m)
	}
	self, err := c.Agent().Self(ctx)
	if err != nil {
		return nil, err
	}
	s.self = self.Config.NodeName
	s.index, _ = strconv.ParseUint(self.Stats["raft"]["applied_index"], 10, 64)
	checks, err := c.Agent().Checks(ctx, "")
	if err != nil {
		return nil, err
	}
	for id, check := range checks {
		s.near[id] = check.Output
	}
	return s, nil
}

// lookUp asks how the checks of an instance go, and those of its node that are
// run.
func (s *surroundings) lookUp(ctx context.Context, c *api.Client, e *api.Entry) error {
	wanted := []api.CheckRuns{{Service: e.Service.Service}}
	for _, k := range e.Checks {
		if k.ServiceID == "" && typeOfCheck(k) != "" && !inMaintenance(k) {
			wanted = append(wanted, api.CheckRuns{Node: e.Node.Node})
		}
	}
	for _, which := range wanted {
		key := runKey(which.Node, which.Service)
		if s.looked[key] || s.runs == nil {
			continue
		}
		s.looked[key] = true
		runs, _, err := c.Cluster().Checks(ctx, which, nil)
		if api.ErrorKind(err) == api.NotFound {
			s.runs = nil // Consul's servers do not tell
			return nil
		}
		if err != nil {
			return err
		}
		for _, r := range runs {
			s.runs[runKey(r.Node, r.CheckID)] = r
		}
	}
	return nil
}

func runKey(node, id string) string { return strings.ToLower(node) + "\x00" + id }

// explain says why an instance is in its state; what does not pass comes first.
func (s *surroundings) explain(e *api.Entry) *explanation {
	x := &explanation{Service: e.Service.Service, ID: e.Service.ID, Node: e.Node.Node, Address: hostPort(e),
		Status: e.Status(), Index: s.index, Checks: []*reason{}}
	for _, c := range e.Checks {
		r := &reason{CheckID: c.CheckID, Name: c.Name, Type: typeOfCheck(c), Status: c.Status, Since: c.ModifyIndex, RunBy: s.runner(c)}
		r.Output, r.Run = cmp.Or(c.Output, c.Notes), s.runs[runKey(c.Node, c.CheckID)]
		if r.Run != nil {
			r.Type, r.Output = r.Run.Type, cmp.Or(r.Run.Output, c.Notes)
		} else if strings.EqualFold(c.Node, s.self) {
			// An output alone is no change that goes through the log at once.
			r.Output = cmp.Or(s.near[c.CheckID], r.Output)
		}
		if c.Status != api.Passing || inMaintenance(c) {
			r.Remedy = remedy(c, r.Run)
		}
		x.Checks = append(x.Checks, r)
	}
	slices.SortStableFunc(x.Checks, func(a, b *reason) int { return cmp.Compare(severity(a), severity(b)) })
	return x
}

// severity is lower the more a check is to blame.
func severity(r *reason) int {
	switch {
	case r.Remedy == "":
		return 2
	case r.Status == api.Warning:
		return 1
	}
	return 0
}

func inMaintenance(c *api.Check) bool {
	return c.CheckID == api.NodeMaintenance || strings.HasPrefix(c.CheckID, api.ServiceMaintenancePrefix)
}

// typeOfCheck is the check's type, which one registered through the catalog
// shows in its definition only; empty if nobody runs it.
func typeOfCheck(c *api.Check) string {
	d := c.Definition
	switch {
	case c.Type != "" || d == nil:
		return c.Type
	case d.HTTP != "":
		return "http"
	case d.TCP != "":
		return "tcp"
	case d.UDP != "":
		return "udp"
	case d.GRPC != "":
		return "grpc"
	case d.H2PING != "":
		return "h2ping"
	case len(d.Args) > 0:
		return "script"
	case d.OSService != "":
		return "os_service"
	case d.AliasNode != "" || d.AliasService != "":
		return "alias"
	case d.TTL > 0:
		return "ttl"
	}
	return ""
}

// kind is the type of a check, from whoever knows it.
func (s *surroundings) kind(c *api.Check) string {
	if r := s.runs[runKey(c.Node, c.CheckID)]; r != nil {
		return r.Type
	}
	return typeOfCheck(c)
}

// runner says who runs a check.
func (s *surroundings) runner(c *api.Check) string {
	switch kind := s.kind(c); {
	case c.CheckID == api.SerfHealth && s.servers[strings.ToLower(c.Node)] != "":
		return "the leader, by the heartbeats of server " + c.Node
	case inMaintenance(c):
		return "nobody: somebody set it by hand"
	case kind == "":
		return "nobody here: whoever registered it reports its status"
	case kind == "ttl":
		return "the instance, which reports to the cluster; " + s.owner(c) + " watches the time"
	}
	every := c.Interval
	if r := s.runs[runKey(c.Node, c.CheckID)]; r != nil {
		every = r.Interval
	} else if every == "" && c.Definition != nil && c.Definition.Interval > 0 {
		every = c.Definition.Interval.String()
	}
	if every != "" {
		return s.owner(c) + ", every " + every
	}
	return s.owner(c)
}

// owner names the server that looks after a check. If the servers do not tell, it
// is the check's node if that is a server that lives, else one of those that do.
func (s *surroundings) owner(c *api.Check) string {
	if r := s.runs[runKey(c.Node, c.CheckID)]; r != nil {
		if r.Owner == "" {
			return "no server, for none that could lives"
		}
		if len(r.Observers) > 1 {
			return "servers " + strings.Join(r.Observers, ", ") + " (most of them must agree)"
		}
		return "server " + r.Owner
	}
	if s.servers[strings.ToLower(c.Node)] == "alive" {
		return "server " + c.Node
	}
	var live []string
	for _, name := range sortedKeys(s.servers) {
		if s.servers[name] == "alive" {
			live = append(live, name)
		}
	}
	if len(live) == 1 {
		return "server " + live[0]
	}
	return fmt.Sprintf("one of the servers %s", strings.Join(live, ", "))
}

// remedy says what would make a check pass; run is nil if the servers do not tell
// of it.
func remedy(c *api.Check, run *api.CheckRun) string {
	target, within, kind := "", "", typeOfCheck(c)
	if d := c.Definition; d != nil {
		target = cmp.Or(d.HTTP, d.TCP, d.UDP, d.GRPC, d.H2PING, d.OSService, d.AliasService, d.AliasNode)
	}
	if run != nil {
		target, kind = run.Target, run.Type
	}
	if c.Timeout != "" && c.Timeout != "0s" {
		within = " within " + c.Timeout
	}
	switch {
	case c.CheckID == api.NodeMaintenance:
		return "the node leaves maintenance: registryctl maint -disable, asked of server " + c.Node
	case inMaintenance(c):
		return "it leaves maintenance: registryctl maint -disable -service=" + strings.TrimPrefix(c.CheckID, api.ServiceMaintenancePrefix)
	case c.CheckID == api.SerfHealth:
		return "server " + c.Node + " runs again; if it is gone for good: registryctl force-leave " + c.Node
	}
	switch kind {
	case "ttl":
		return "the instance reports in time: registryctl checks pass " + c.CheckID
	case "http":
		return "an HTTP request to " + cmp.Or(target, "its URL") + " is answered with a status of 2xx" + within
	case "tcp":
		return cmp.Or(target, "its address") + " accepts a connection" + within
	case "udp":
		return cmp.Or(target, "its address") + " does not refuse a datagram" + within
	case "grpc":
		return cmp.Or(target, "its address") + " answers the gRPC health check with SERVING" + within
	case "h2ping":
		return cmp.Or(target, "its address") + " answers an HTTP/2 ping" + within
	case "script", "docker":
		return "its command ends with exit code 0" + within
	case "os_service":
		return "the service " + cmp.Or(target, "of the operating system") + " runs"
	case "alias":
		return "what it stands for passes: " + cmp.Or(target, "see its output")
	}
	return "whoever registered it reports that it passes, with PUT /v1/catalog/register"
}
