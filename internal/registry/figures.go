package registry

import (
	"context"
	"encoding/json"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/pkg/api"
)

// figuresKind is the internal request that asks a server how busy it is;
// figuresWait is how long it has to answer.
const (
	figuresKind = "figures"
	figuresWait = time.Second
)

// Blocked counts the blocking queries that wait: by 1 when one begins to, by -1
// when it ends. It costs one atomic addition.
func (r *Registry) Blocked(by int64) { r.blocked.Add(by) }

// Figures tells how busy this server is.
func (r *Registry) Figures() *api.ServerFigures {
	load := r.run.Load()
	return &api.ServerFigures{Server: r.cfg.Name, ID: r.cfg.ID, Leader: r.cons.IsLeader(), Index: r.State().Index(),
		Watchers: int(r.blocked.Load()), Checks: load.Checks, Probes: load.Probes, Waiting: load.Waiting, LateP99: api.Duration(r.lateP99()),
		Goroutines: runtime.NumGoroutine(), Memory: residentMemory(), Uptime: api.Duration(time.Since(r.started).Round(time.Second))}
}

// lateP99 is how late 99 of 100 checks began their last run, at most.
func (r *Registry) lateP99() time.Duration {
	var late []time.Duration
	r.run.Runs(func(run checks.Run) {
		if run.Runs > 0 {
			late = append(late, run.Late)
		}
	})
	if len(late) == 0 {
		return 0
	}
	slices.Sort(late)
	return late[(len(late)-1)*99/100]
}

// residentMemory is what the process has of the system, in bytes.
func residentMemory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// ServerFigures tells how busy the servers of the cluster are, in order of name.
// One that fails or does not answer in time is silent.
func (r *Registry) ServerFigures(ctx context.Context) []*api.ServerFigures {
	ctx, cancel := context.WithTimeout(ctx, figuresWait)
	defer cancel()
	nodes := r.State().ServerNodes()
	list := make([]*api.ServerFigures, len(nodes))
	var asking sync.WaitGroup
	for i, v := range nodes {
		if v.Node.ID == r.cfg.ID {
			list[i] = r.Figures()
			continue
		}
		list[i] = &api.ServerFigures{Server: v.Node.Node, ID: v.Node.ID, Silent: true}
		asking.Go(func() {
			b, err := r.cons.Call(ctx, v.Node.ID, figuresKind, nil)
			f := &api.ServerFigures{}
			if err == nil && json.Unmarshal(b, f) == nil {
				list[i] = f
			}
		})
	}
	asking.Wait()
	return list
}

func (r *Registry) handleFigures(context.Context, []byte) ([]byte, error) {
	return json.Marshal(r.Figures())
}
