// Command proxy is an HTTP load balancer: it watches a service in the registry
// and passes requests on to its instances. What it knows of them is shown at
// /_proxy/status.
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

	"github.com/registryd/registryd/pkg/balance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := serve(ctx, s, stdout, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		fmt.Fprintf(stderr, "proxy: %s\n", err)
		return 1
	}
	return 0
}

// parse reads the command line; the flag package reports its own errors.
func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var registry string
	var policies []string
	for _, p := range balance.Policies() {
		policies = append(policies, p.String())
	}
	fs := flag.NewFlagSet("proxy", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.listen, "listen", "127.0.0.1:9000", "`address` to listen on")
	fs.StringVar(&s.service, "service", "greeter", "`name` of the service")
	fs.StringVar(&s.policy, "policy", "round-robin", "`policy`: "+strings.Join(policies, ", "))
	fs.StringVar(&s.zone, "zone", "", "`zone` of this proxy, whose instances it prefers")
	fs.StringVar(&registry, "registry", "", "`addresses` of registry servers, separated by commas; CONSUL_HTTP_ADDR or 127.0.0.1:8500 by default")
	fs.IntVar(&s.attempts, "attempts", 3, "how many instances a request may be sent to; 1 switches retries off")
	fs.DurationVar(&s.slowStart, "slow-start", 0, "`time` over which a new instance gets its full share")
	fs.DurationVar(&s.hedge, "hedge-after", 0, "`time` without an answer after which another instance is asked too; 0 is never")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if registry != "" {
		s.registry = strings.Split(registry, ",")
	}
	if fs.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", fs.Arg(0))
		fmt.Fprintf(stderr, "proxy: %s\n", err)
		return s, err
	}
	return s, nil
}
