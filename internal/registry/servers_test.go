package registry

import (
	"context"
	"sync"
	"testing/synctest"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// recorder is a check runner that only notes what it is to run.
type recorder struct {
	mu      sync.Mutex
	running map[checks.ID]*api.Check
	calls   int      // of Reconcile
	beats   []string // check ID and status of each heartbeat
}

func newRecorder() *recorder { return &recorder{running: map[checks.ID]*api.Check{}} }

func (p *recorder) Reconcile(changed []*api.Check, removed []checks.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	for _, id := range removed {
		delete(p.running, id)
	}
	for _, c := range changed {
		p.running[checks.ID{Node: c.Node, CheckID: c.CheckID}] = c
	}
}

func (p *recorder) Heartbeat(id checks.ID, status, _, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[id] == nil {
		return api.E(api.NotFound, "not run here")
	}
	p.beats = append(p.beats, id.CheckID+" "+status)
	return nil
}

func (p *recorder) Wait(context.Context, checks.ID) error            { return nil }
func (p *recorder) Rearm(...checks.ID)                               {}
func (p *recorder) Snapshot(checks.ID) (status, out string, ok bool) { return "", "", false }
func (p *recorder) Run(checks.ID) (_ checks.Run, ok bool)            { return }
func (p *recorder) Runs(func(checks.Run))                            {}
func (p *recorder) Load() (_ checks.Load)                            { return }

// runs returns the IDs of the checks to run, and of how many calls they are the
// sum.
func (p *recorder) runs() (ids map[string]bool, calls int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids = map[string]bool{}
	for id := range p.running {
		ids[id.CheckID] = true
	}
	return ids, p.calls
}

// forget makes what is told from now on stand alone.
func (p *recorder) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.running)
}

// check returns a check as the runner has it, nil if it does not run it.
func (p *recorder) check(node, id string) *api.Check {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[checks.ID{Node: node, CheckID: id}]
}

// addServer makes another server part of the cluster, without a vote, and puts
// it into the catalog.
func (r *testRegistry) addServer(name, id string) {
	r.t.Helper()
	addr := "127.0.0." + name[1:]
	r.cons.join(raft.ServerInfo{ID: id, Address: addr + ":8300"})
	r.do(&store.Register{ID: id, Node: name, Address: addr, Datacenter: "dc1",
		Service: &api.Service{ID: store.ServerService, Service: store.ServerService, Port: 8300},
		Checks:  []*api.Check{{CheckID: api.SerfHealth, Name: "Serf Health Status", Status: api.Passing}}})
}

// instance is a service instance with one TTL check of the same ID.
func instance(node, id, address string) *store.Register {
	return &store.Register{Node: node, SkipNodeUpdate: true, Service: &api.Service{ID: id, Service: id, Address: address},
		Checks: []*api.Check{{CheckID: id, Name: id, ServiceID: id, Status: api.Critical, Type: "ttl", Probe: &api.CheckDefinition{TTL: api.Duration(time.Minute)}}}}
}

// settle lets all that runs come to rest.
func settle() {
	time.Sleep(2 * assignPause)
	synctest.Wait()
}
