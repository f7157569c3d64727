// Command registryctl is the command line of registryd. It speaks to the
// servers through their HTTP API, and wherever Consul's command line has a
// command, that command works here in the same words.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run does what args ask for and returns the exit code: 0 if it worked, 1 if
// it did not, 2 if args are wrong or what a lookup asked for is not there.
// Errors are one line on stderr. What runs until it is stopped ends with ctx.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &tool{in: stdin, out: stdout, err: stderr}
	root := t.root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetArgs(normalise(root, args))
	err := root.ExecuteContext(ctx)
	for _, c := range t.opened {
		_ = c.Close() // only drops idle connections
	}
	return t.report(err)
}
