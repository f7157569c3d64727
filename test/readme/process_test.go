//go:build unix

package readme_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a running script in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when all that holds its output has ended
	err  error         // how it ended, once done is closed
}

// output is what a process printed so far. Safe for concurrent use.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	first chan struct{} // closed with the first byte
}

// Write keeps what was printed.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() == 0 && len(b) > 0 {
		close(o.first)
	}
	return o.buf.Write(b)
}

// String returns what was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a script.
func (p *place) start(script string) (*process, error) {
	r := &process{cmd: exec.Command("sh", "-c", script), out: &output{first: make(chan struct{})}, done: make(chan struct{})}
	r.cmd.Dir, r.cmd.Env = p.dir, p.environ()
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(r.done)
		r.err = r.cmd.Wait()
	}()
	return r, nil
}

// signal sends a signal to the script and what it runs; an error means that
// all are gone.
func (r *process) signal(s syscall.Signal) { _ = syscall.Kill(-r.cmd.Process.Pid, s) }

// stop ends the process as Ctrl-C does, or by force if that takes too long.
func (r *process) stop() {
	r.signal(syscall.SIGINT)
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		r.signal(syscall.SIGKILL)
		<-r.done
	}
}

// wait returns how the process ended; it is stopped if it outlives ctx.
func (r *process) wait(ctx context.Context) error {
	select {
	case <-r.done:
	case <-ctx.Done():
		r.stop()
		return fmt.Errorf("it did not end in time: %s", r.out)
	}
	if r.err != nil {
		return fmt.Errorf("%w: %s", r.err, r.out)
	}
	return nil
}

// glance waits until the process has printed something and ends it as Ctrl-C
// does. That it ends with an error then is its right.
func (r *process) glance(ctx context.Context) error {
	defer r.stop()
	select {
	case <-r.out.first:
		return nil
	case <-r.done:
		return fmt.Errorf("it ended by itself, %v: %s", r.err, r.out)
	case <-ctx.Done():
		return fmt.Errorf("it printed nothing")
	}
}
