package server

import (
	"context"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/pkg/api"
)

// localDefinitions keeps the services and checks of the configuration files
// registered: all of them at start and after a reload. What came from the files
// earlier and is gone from them is deregistered, also when it went while the
// server was down; what came over the API is left alone.
//
// One goroutine does all of it, in rounds, until nothing is left to do.
type localDefinitions struct {
	s     *Server
	wake  chan struct{} // has room for one
	ended chan struct{} // closed when no round follows

	mu      sync.Mutex
	waiters []chan error // reloads that wait for a round; each has room for one
}

// localRetry is the pause before a round that follows a failed one.
const localRetry = 200 * time.Millisecond

func newLocalDefinitions(s *Server) *localDefinitions {
	return &localDefinitions{s: s, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// openLocal begins to register what the configuration files define.
func (s *Server) openLocal() error {
	ctx, cancel := context.WithCancel(registry.Local(context.Background()))
	s.onClose("service definitions", func() error {
		cancel()
		<-s.local.ended
		return nil
	})
	go s.local.run(ctx)
	return nil
}

// reload has the configuration in force registered and waits until all of it
// has been tried once. What fails for a reason that passes is in the error, and
// is tried again afterwards.
func (l *localDefinitions) reload(ctx context.Context) error {
	done := make(chan error, 1)
	l.mu.Lock()
	l.waiters = append(l.waiters, done)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return api.E(api.Timeout, "services and checks are still being registered")
	case <-l.ended:
		return api.E(api.Unavailable, "server is shutting down")
	}
}

func (l *localDefinitions) takeWaiters() []chan error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waiters
	l.waiters = nil
	return w
}

func (l *localDefinitions) run(ctx context.Context) {
	defer close(l.ended)
	kept := openLocalKept(l.s.Config().DataDir, l.s.log)
	pass := newLocalPass(l.s, kept)
	told := false
	for ctx.Err() == nil {
		waiters := l.takeWaiters()
		if len(waiters) > 0 {
			pass = newLocalPass(l.s, kept)
		}
		err := pass.round(ctx)
		for _, w := range waiters {
			w <- err
		}
		if len(pass.items) > 0 && !told && ctx.Err() == nil {
			l.s.log.Warn("services and checks of the configuration files wait for the cluster", "count", len(pass.items), "error", err)
		}
		told = len(pass.items) > 0
		l.pause(ctx, told)
	}
}

// pause waits for the next round: for a reload and, if there is something left
// to do, no longer than a moment.
func (l *localDefinitions) pause(ctx context.Context, left bool) {
	var again <-chan time.Time
	if left {
		t := time.NewTimer(localRetry)
		defer t.Stop()
		again = t.C
	}
	select {
	case <-again:
	case <-l.wake:
	case <-ctx.Done():
	}
}
