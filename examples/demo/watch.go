package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// revival is how long a program that was killed stays dead, so that there is
// time to look.
const revival = 5 * time.Second

// watch starts programs anew that have ended, until ctx ends.
func (l *lab) watch(ctx context.Context, w io.Writer) error {
	dead := map[*process]time.Time{}
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
		for _, p := range l.all() {
			err := p.died()
			switch since := dead[p]; {
			case err == nil:
			case since.IsZero():
				dead[p] = time.Now()
				fmt.Fprintf(w, "%v\n", err)
			case time.Since(since) > revival:
				delete(dead, p)
				if err := p.start(); err != nil {
					return err
				}
				fmt.Fprintf(w, "%s runs again, pid %d\n", p.name, p.pid())
			}
		}
	}
}
