package main

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/pkg/api"
)

// Limits of the verdicts on servers.
const (
	slowAnswer = 500 * time.Millisecond
	// Nothing that the servers agree on depends on their clocks, but logs,
	// certificates and people do.
	clockOff    = time.Second
	clockBroken = time.Minute
)

// examined is a server that answers.
type examined struct {
	addr string
	name string
	c    *api.Client
	self *api.AgentSelf
	host map[string]any // what it tells of its machine; nil if it does not

	skew   time.Duration // how far its clock is ahead of ours
	margin time.Duration // how wrong that may be
}

// servers asks each server that was given for itself.
func (e *examination) servers(ctx context.Context) {
	addrs := e.c.Addresses()
	found := make([]*examined, len(addrs))
	errs := make([]error, len(addrs))
	took := make([]time.Duration, len(addrs))
	var tasks sync.WaitGroup
	for i, addr := range addrs {
		tasks.Go(func() { found[i], took[i], errs[i] = examine(ctx, e.c, addr) })
	}
	tasks.Wait()
	for i, addr := range addrs {
		switch {
		case errs[i] != nil:
			e.add("server "+addr, verdictBad, "start it, or give the address it listens on", "does not answer: %v", cause(errs[i]))
		case took[i] > slowAnswer:
			e.add("server "+addr, verdictWarning, "look for load or a slow network", "%s answers after %v", found[i].name, round(took[i]))
		default:
			e.add("server "+addr, verdictOK, "", "%s answers after %v", found[i].name, round(took[i]))
		}
		if errs[i] == nil {
			e.answer = append(e.answer, found[i])
		}
	}
}

func examine(ctx context.Context, all *api.Client, addr string) (*examined, time.Duration, error) {
	c, err := all.At(addr)
	if err != nil {
		return nil, 0, err
	}
	s := &examined{addr: addr, c: c.WithTimeout(5 * time.Second)}
	began := time.Now()
	if s.self, err = s.c.Agent().Self(ctx); err != nil {
		return nil, 0, err
	}
	took := time.Since(began)
	s.name = s.self.Config.NodeName
	began = time.Now()
	if s.host, err = s.c.Agent().Host(ctx); err != nil {
		s.host = nil // access control may hide it
		return s, took, nil
	}
	if ns, ok := s.host["CollectionTime"].(float64); ok {
		round := time.Since(began)
		s.margin = round / 2
		s.skew = time.Unix(0, int64(ns)).Sub(began.Add(s.margin))
	}
	return s, took, nil
}

// clocks compares the clocks of the servers with ours.
func (e *examination) clocks() {
	for _, s := range e.answer {
		off := max(s.skew.Abs()-s.margin, 0)
		verdict := verdictOK
		switch {
		case s.host == nil:
			e.add("clock of "+s.name, verdictUnknown, "give a token that may read the agent", "the server does not tell its time")
			continue
		case off > clockBroken:
			verdict = verdictBad
		case off > clockOff:
			verdict = verdictWarning
		}
		e.add("clock of "+s.name, verdict, "let NTP set the clocks of that machine and of this one",
			"differs from this machine's by %v ± %v", round(s.skew), round(s.margin))
	}
}

// members compares what the servers run, and tries their server ports.
func (e *examination) members(ctx context.Context) {
	members, err := e.answer[0].c.Agent().Members(ctx, false, "")
	if err != nil {
		e.add("members", verdictUnknown, "", "%v", cause(err))
		return
	}
	builds := map[string][]string{}
	for _, m := range members {
		if m.Status != api.MemberAlive {
			continue
		}
		builds[m.Tags["build"]] = append(builds[m.Tags["build"]], m.Name)
	}
	var list []string
	for _, b := range sortedKeys(builds) {
		list = append(list, b+" on "+strings.Join(builds[b], ", "))
	}
	if len(builds) > 1 {
		e.add("versions", verdictWarning, "bring all servers to one version, the leader last", "%s", strings.Join(list, "; "))
	} else {
		e.add("versions", verdictOK, "", "%s", strings.Join(list, "; "))
	}
	for _, s := range e.answer {
		if v := s.self.Stats["build"]["registryd"]; v != "" && v != config.Version {
			e.add("registryctl", verdictWarning, "use the registryctl that came with the servers", "is %s, %s runs %s", config.Version, s.name, v)
		}
	}
	for _, m := range members {
		if m.Status == api.MemberAlive {
			e.port(ctx, m)
		}
	}
}

// port tries the port of a server that the others speak to.
func (e *examination) port(ctx context.Context, m *api.Member) {
	addr := net.JoinHostPort(m.Addr, strconv.Itoa(int(m.Port)))
	d := net.Dialer{Timeout: 3 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		e.add("server port of "+m.Name, verdictWarning, "open "+addr+" between the servers; that it is closed from here only is harmless",
			"cannot be reached from here: %v", cause(err))
		return
	}
	_ = conn.Close() // nothing was said
	e.add("server port of "+m.Name, verdictOK, "", "%s is open", addr)
}
