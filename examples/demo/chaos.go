package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// outage is how long a killed program stays dead: long enough for the registry
// to notice on its own.
const outage = 2 * time.Second

// chaos kills a greeter and then the leader, in turns, under load. The error
// says how many requests failed, if any did.
func (l *lab) chaos(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n%d clients send requests for %v while greeters and leaders are killed.\n", l.s.workers, l.s.length)
	load := startLoad(l.proxyURL(), l.s.workers)
	began := time.Now()
	kills, err := l.killInTurns(ctx, w, load)
	load.stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	sent, failed := load.counts()
	fmt.Fprintf(w, "\n%d requests in %.0f s, %d failed; %d greeters and %d leaders were killed; the longest request took %v.\n",
		sent, time.Since(began).Seconds(), failed, kills[0], kills[1], load.longest.Round(time.Millisecond))
	if failed > 0 {
		return fmt.Errorf("%d requests failed, the first with: %w", failed, load.first)
	}
	return nil
}

// killInTurns goes on until the time is over. It returns how many greeters and
// how many leaders were killed.
func (l *lab) killInTurns(ctx context.Context, w io.Writer, load *load) (kills [2]int, err error) {
	for end := time.Now().Add(l.s.length); time.Now().Before(end); {
		victim := l.greeters[kills[0]%size]
		if err := l.outage(ctx, w, load, victim, "", l.greetersPass); err != nil {
			return kills, err
		}
		kills[0]++
		leader, err := l.leader(ctx)
		if err != nil {
			return kills, err
		}
		if err := l.outage(ctx, w, load, leader, ", the leader,", l.clusterIsWhole); err != nil {
			return kills, err
		}
		kills[1]++
	}
	return kills, nil
}

// outage kills a program, starts it again after a while, and waits until all
// is well.
func (l *lab) outage(ctx context.Context, w io.Writer, load *load, p *process, what string, well func(context.Context) error) error {
	p.kill()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(outage):
	}
	if err := p.start(); err != nil {
		return err
	}
	began := time.Now()
	if err := l.await(ctx, p.name+" back in order", well); err != nil {
		return err
	}
	sent, failed := load.counts()
	fmt.Fprintf(w, "  %s%s was dead for %v and back in order %.1f s later; %d requests so far, %d failed\n", p.name, what, outage, time.Since(began).Seconds(), sent, failed)
	return nil
}

// leader finds the server that leads.
func (l *lab) leader(ctx context.Context) (*process, error) {
	var found *process
	err := l.await(ctx, "leader", func(ctx context.Context) error {
		addr, err := l.client.Status().Leader(ctx)
		if err != nil {
			return err
		}
		for i, p := range l.servers {
			if addr == local(l.raftPort(i)) {
				found = p
				return nil
			}
		}
		return fmt.Errorf("leader is %q", addr)
	})
	return found, err
}

// clusterIsWhole asks whether all servers are alive, so that one more may fail,
// and all greeters pass.
func (l *lab) clusterIsWhole(ctx context.Context) error {
	list, _, err := l.client.Health().Service(ctx, "consul", &api.QueryOptions{Passing: true})
	if err == nil && len(list) != size {
		err = fmt.Errorf("%d of %d servers are alive", len(list), size)
	}
	if err != nil {
		return err
	}
	return l.greetersPass(ctx)
}
