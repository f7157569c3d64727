package checks

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// reapDelay is how long a command that has ended may keep its output open
// through a child that has left its process group.
const reapDelay = time.Second

// probeScript runs the command: exit code 0 is passing, 1 a warning, anything
// else critical. Whatever it has started ends with it, and at the timeout both.
func (p *prober) probeScript(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	said := tail{limit: p.limit(def)}
	code, err := command(ctx, &said, def.Args)
	switch {
	case ctx.Err() != nil && code != 0:
		return timedOut(def, kindScript, said.captured())
	case err != nil:
		return failed(err)
	}
	return byExit(code), said.captured()
}

// command runs args and waits for its end. The code is that of its exit, -1 if
// a signal ended it; the error says why it could not be run at all.
func command(ctx context.Context, said *tail, args []string) (code int, err error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout = said // one writer for both: os/exec then writes from one goroutine
	cmd.Stderr = said
	ownGroup(cmd)
	// What a command left behind would be one more with every run. Its group can
	// be killed as long as the command has not been waited for: afterwards the
	// number may be that of another.
	var mu sync.Mutex
	var ended bool
	end := func() error {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return os.ErrProcessDone
		}
		return killGroup(cmd)
	}
	cmd.Cancel = end
	cmd.WaitDelay = reapDelay
	if err := cmd.Start(); err != nil {
		return -1, err
	}
	if awaitExit(cmd.Process.Pid) {
		_ = end() // nobody left in it is no error
		mu.Lock()
		ended = true
		mu.Unlock()
	}
	err = cmd.Wait()
	if cmd.ProcessState == nil {
		return -1, err
	}
	return cmd.ProcessState.ExitCode(), nil
}
