package checks

import (
	"context"
	"fmt"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// aliasRetry is how long an alias check waits after an answer that brought no
// newer index, lest it spins.
const aliasRetry = time.Second

// Alias says what an alias check stands for: a service instance or a node.
type Alias struct {
	Of      ID     // the check itself
	Node    string // the node meant, or the one the instance is on; empty: the check does not say
	Service string // ID of the instance; empty: the node is meant
}

// watchAlias follows what t stands for, in a goroutine of its own.
func (r *Runner) watchAlias(t *task) {
	if r.cfg.AliasStatus == nil {
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	t.cancel = cancel
	of, gen := Alias{Of: t.id, Node: t.def.AliasNode, Service: t.def.AliasService}, t.gen
	r.wg.Go(func() {
		defer cancel()
		var index uint64
		for {
			status, output, next := r.cfg.AliasStatus(ctx, of, index)
			if ctx.Err() != nil || !r.reportAlias(t, gen, status, output) {
				return
			}
			if next <= index {
				select {
				case <-time.After(aliasRetry):
				case <-ctx.Done():
					return
				}
			}
			index = next
		}
	})
}

// reportAlias reports whether t is still what the watch is for. An answer that
// is no status (the target is not known yet) changes nothing.
func (r *Runner) reportAlias(t *task, gen uint32, status, output string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.gone || t.gen != gen || r.closed {
		return false
	}
	if isStatus(status) {
		now := r.now()
		t.ranAt(now, now)
		r.report(t, status, cut(output, t.outputMax(r.cfg.OutputMax)), now)
	}
	return true
}

// Worst sums up the checks of what an alias check stands for: those of the
// service instance and of its node. The status is the worst of them, passing if
// there are none; the output says which check it is.
func Worst(cs []*api.Check) (status, output string) {
	if len(cs) == 0 {
		return api.Passing, "No checks found."
	}
	var worst *api.Check
	for _, c := range cs {
		if c.Status == api.Critical || c.Status == api.Warning && worst == nil {
			worst = c
		}
		if c.Status == api.Critical {
			break
		}
	}
	if worst == nil {
		return api.Passing, "All checks passing."
	}
	return worst.Status, fmt.Sprintf("Aliased check %q failing: %s", worst.Name, worst.Output)
}
