package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// handlerGrace is for how long a handler may go on when the watch is stopped.
const handlerGrace = 5 * time.Second

// handle runs the handler with the state on its standard input, and waits for
// it. When ctx ends first, it is ended with its children. That it failed is an
// error.
func (w *watchJob) handle(ctx context.Context, state any, index uint64) error {
	var input bytes.Buffer
	if err := writeLine(&input, state); err != nil {
		return err
	}
	words := w.command
	if len(words) == 1 && w.shell {
		words = shell(words[0])
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "CONSUL_INDEX="+strconv.FormatUint(index, 10))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &input, w.t.out, w.t.err
	// What the handler leaves running may keep its output open: do not wait
	// for that.
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the handler: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return handlerError(err)
	case <-ctx.Done():
		_ = stopChild(cmd, ended, handlerGrace) // whoever watched wants it to end
		return context.Cause(ctx)
	}
}

// handlerError says how a handler failed.
func handlerError(err error) error {
	code, err := exitCode(err)
	if err == nil && code != 0 {
		return fmt.Errorf("the handler failed with exit code %d", code)
	}
	return err
}
