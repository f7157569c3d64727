// Command demo shows the whole of registryd on one machine: three servers,
// three greeters registered through different ones, and a proxy that balances
// over them. With -chaos it kills a greeter and then the leader, over and over,
// while requests go through the proxy, and tells how many of them failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings is what the flags say.
type settings struct {
	bin      string // directory of the programs
	dir      string // for data and logs; empty means a temporary one
	offset   int    // added to all ports
	policy   string
	attempts int
	chaos    bool
	length   time.Duration // of the chaos
	workers  int
}

// run is the program; it returns its exit code: 1 also if a request failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := demo(ctx, s, stdout); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "demo: %s\n", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.bin, "bin", "", "`directory` of registryd, greeter and proxy; that of this program by default")
	fs.StringVar(&s.dir, "dir", "", "`directory` for data and logs, which are kept; by default a temporary one, which is removed")
	fs.IntVar(&s.offset, "offset", 0, "`number` to add to all ports")
	fs.StringVar(&s.policy, "policy", "round-robin", "`policy` of the proxy")
	fs.IntVar(&s.attempts, "attempts", 3, "attempts of the proxy at a request; 1 switches its retries off")
	fs.BoolVar(&s.chaos, "chaos", false, "kill greeters and leaders under load, report, and end")
	fs.DurationVar(&s.length, "for", time.Minute, "`time` that -chaos takes")
	fs.IntVar(&s.workers, "workers", 4, "`number` of clients under -chaos")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if fs.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", fs.Arg(0))
		fmt.Fprintf(stderr, "demo: %s\n", err)
		return s, err
	}
	return s, nil
}

// demo starts everything, waits or makes chaos, and stops everything.
func demo(ctx context.Context, s settings, stdout io.Writer) (err error) {
	if s.bin == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		s.bin = filepath.Dir(self)
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "registryd-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	l, err := newLab(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	began := time.Now()
	if err := l.start(ctx); err != nil {
		return err
	}
	l.explain(stdout, time.Since(began))
	if s.chaos {
		return l.chaos(ctx, stdout)
	}
	return l.watch(ctx, stdout)
}
