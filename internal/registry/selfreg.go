package registry

import (
	"context"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Self is how a server shows itself in the catalog.
type Self struct {
	Address         string // advertised, without port
	TaggedAddresses map[string]string
	Meta            map[string]string // of the node
	Port            int               // the server port
	ServiceMeta     map[string]string // of the service "consul"
	// Server is false for an agent without a vote: its node has no service
	// "consul".
	Server bool
}

// serfAlive is the output of a living server's check, Consul's words.
const serfAlive = "Agent alive and reachable"

// serfFailed is that of a failed one.
const serfFailed = "Agent not live or unreachable"

// selfCheckEvery is how often a server looks whether the catalog still has it
// as it is, in case somebody deregistered it.
const selfCheckEvery = 10 * time.Second

// keepRegistered registers this server in the catalog and again whenever the
// catalog says otherwise.
func (r *Registry) keepRegistered(ctx context.Context) {
	wait := time.Duration(0)
	for {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		wait = retryDelay
		if err := r.registerSelf(ctx); err == nil {
			wait = selfCheckEvery
		}
	}
}

// registerSelf brings this server's node in the catalog up to date. What is
// right already costs no log entry.
func (r *Registry) registerSelf(ctx context.Context) error {
	st, err := r.Read(ctx, raft.Default)
	if err != nil {
		return err
	}
	cmd := r.selfCommand()
	v, _ := st.Node(r.cfg.Name)
	if v != nil && r.selfShown(v, cmd) {
		return nil
	}
	if r.cons.IsLeader() {
		r.storeHistory(ctx) // so that a new cluster remembers from here on
	}
	if _, err := r.propose(ctx, cmd); err != nil {
		if api.ErrorKind(err) == api.Refused {
			r.log.Error("cannot register this server in the catalog", "error", err)
		}
		return err
	}
	return nil
}

func (r *Registry) selfCommand() *store.Register {
	s := r.cfg.Self
	cmd := &store.Register{ID: r.cfg.ID, Node: r.cfg.Name, Address: s.Address, Datacenter: r.cfg.Datacenter,
		TaggedAddresses: s.TaggedAddresses, Meta: s.Meta,
		Checks: []*api.Check{{CheckID: api.SerfHealth, Name: "Serf Health Status", Status: api.Passing, Output: serfAlive, ServiceTags: []string{}}}}
	if s.Server {
		cmd.Service = &api.Service{ID: store.ServerService, Service: store.ServerService, Tags: []string{}, Port: s.Port, Meta: s.ServiceMeta, Weights: &api.Weights{Passing: 1, Warning: 1}}
	}
	return cmd
}

// selfShown reports whether the view shows what the command would set.
func (r *Registry) selfShown(v *store.NodeView, cmd *store.Register) bool {
	n := v.Node
	c := v.Check(api.SerfHealth)
	if n.ID != cmd.ID || n.Address != cmd.Address || c == nil || c.Status != api.Passing {
		return false
	}
	if !sameMap(n.Meta, cmd.Meta) || !sameMap(n.TaggedAddresses, cmd.TaggedAddresses) {
		return false
	}
	if cmd.Service == nil {
		return true
	}
	i := v.Instance(store.ServerService)
	return i != nil && i.Service.Port == cmd.Service.Port && sameMap(i.Service.Meta, cmd.Service.Meta)
}

func sameMap(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}
