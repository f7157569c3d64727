// Command greeter is an HTTP service that says hello. It registers itself with
// a health check when it starts and deregisters when it is told to stop. Any
// number of greeters may run on one host.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run is the program; it returns its exit code.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := serve(ctx, s, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		fmt.Fprintf(stderr, "greeter: %s\n", err)
		return 1
	}
	return 0
}

// parse reads the command line; the flag package reports its own errors.
func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var registry string
	fs := flag.NewFlagSet("greeter", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 is any free one")
	fs.StringVar(&s.advertise, "advertise", "", "`host` that the registry lists; found out by default")
	fs.StringVar(&s.name, "name", "greeter", "`name` of the service")
	fs.StringVar(&s.id, "id", "", "`ID` of this instance; the name and the port by default")
	fs.StringVar(&s.tag, "tag", "", "`tags`, separated by commas")
	fs.StringVar(&s.zone, "zone", "", "`zone` in the instance's metadata")
	fs.IntVar(&s.weight, "weight", 1, "share of the load relative to others")
	fs.StringVar(&registry, "registry", "", "`addresses` of registry servers, separated by commas; CONSUL_HTTP_ADDR or 127.0.0.1:8500 by default")
	fs.DurationVar(&s.interval, "check-interval", time.Second, "`time` between two health checks")
	fs.DurationVar(&s.grace, "grace", time.Second, "`time` to go on serving after deregistering")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if registry != "" {
		s.registry = strings.Split(registry, ",")
	}
	if fs.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", fs.Arg(0))
		fmt.Fprintf(stderr, "greeter: %s\n", err)
		return s, err
	}
	return s, nil
}
