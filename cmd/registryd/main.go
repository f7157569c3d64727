// Command registryd runs one server of a service registry that speaks
// Consul's HTTP API and DNS.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/registryd/registryd/internal/config"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the command line asks for and returns the exit code. An error
// is one line on stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if err := dispatch(ctx, args, stdout); err != nil {
		fmt.Fprintf(stderr, "registryd: %s\n", err)
		return 1
	}
	return 0
}

// dispatch takes the leading word off, if there is one, and does the rest.
func dispatch(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "version":
			return orHelp(version(args[1:], stdout), stdout)
		case "validate":
			return orHelp(validate(args[1:], stdout), stdout)
		case "help":
			return help(stdout)
		case "agent":
			args = args[1:]
		}
	}
	o, err := parseFlags(args)
	switch {
	case err != nil:
		return orHelp(err, stdout)
	case o.version:
		return version(nil, stdout)
	}
	cfg, err := config.Load(o.sources)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, o.sources, stdout)
}

// orHelp prints the help page if err says that it was asked for.
func orHelp(err error, stdout io.Writer) error {
	if errors.Is(err, flag.ErrHelp) {
		return help(stdout)
	}
	return err
}
