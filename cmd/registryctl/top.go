package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) top() *cobra.Command {
	var once bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show live how the servers and services are",
		Long: `Shows services, instances, checks, changes per second and the servers with their
raft state, and below them the checks that do not pass, again and again until it
is stopped. On a terminal it redraws one page; elsewhere it prints page after
page, or with -o json an object a line. Watchers are the clients that wait for a
change; Late is how long after its time 99 of 100 checks began their last run.`,
		Example: "  registryctl top\n  registryctl top -once\n  registryctl top -interval=500ms -o json",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval <= 0 {
				return usagef("-interval must be above 0")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			return t.watchFrames(cmd.Context(), c, interval, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "show one page, after one -interval, and end")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "`time` from page to page, over which changes are counted")
	return cmd
}

// watchFrames shows frame after frame until ctx ends, which is no error. The
// first one has no rates, and with once it only serves to count from.
func (t *tool) watchFrames(ctx context.Context, c *api.Client, interval time.Duration, once bool) error {
	last, err := readFrame(ctx, c)
	if err != nil {
		return err
	}
	s := screenOf(t)
	defer s.close()
	if !once {
		if err := s.draw(last, nil); err != nil {
			return err
		}
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		next, err := readFrame(ctx, c)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			next.since(last)
			last = next
		case once:
			return err
		}
		if err := s.draw(last, err); err != nil || once {
			return err
		}
	}
}

// screen is where frames are drawn.
type screen struct {
	t      *tool
	look   look
	redraw bool // it is a terminal that can go back to the first line
	height int  // in lines; 0 means no limit
	drawn  int  // how many frames
}

func screenOf(t *tool) *screen {
	s := &screen{t: t, look: lookOf(t.out)}
	if f, ok := t.out.(*os.File); ok && s.look.width > 0 && !t.json() {
		s.redraw, s.height = s.look.redraw, terminalHeight(f)
	}
	return s
}

// draw shows a frame, and the error that kept a newer one away.
func (s *screen) draw(f *frame, failure error) error {
	s.drawn++
	if s.t.json() {
		if failure != nil {
			_, err := fmt.Fprintf(s.t.err, "registryctl: %s\n", s.t.explain(failure))
			return err
		}
		return writeLine(s.t.out, f)
	}
	p := page{look: s.look}
	if failure != nil {
		fmt.Fprintf(&p, "%s\n", p.look.in(red, s.t.explain(failure)+"; last seen at "+f.Time.Format(time.TimeOnly)))
	}
	f.print(&p)
	text := p.String()
	if s.redraw {
		text = s.over(text)
	} else if s.drawn > 1 {
		text = "\n" + text
	}
	_, err := s.t.out.Write([]byte(text))
	return err
}

// over turns a page into one that is drawn over the last, line by line so that
// nothing flickers, and ends with the terminal.
func (s *screen) over(text string) string {
	const home, clearLine, clearBelow = "\x1b[H", "\x1b[K\n", "\x1b[J"
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if s.height > 1 && len(lines) > s.height-1 {
		lines = lines[:s.height-1]
	}
	start := home
	if s.drawn == 1 {
		start = "\x1b[?25l\x1b[2J" + home // hide the cursor, clear what was there
	}
	return start + strings.Join(lines, clearLine) + clearLine + clearBelow
}

// close gives the cursor back.
func (s *screen) close() {
	if s.redraw && s.drawn > 0 {
		fmt.Fprint(s.t.out, "\x1b[?25h")
	}
}
