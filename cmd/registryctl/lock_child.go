package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// runChild runs the command until it ends, ctx ends or the lock is lost. The
// command and its children are gone when it returns because of the latter two.
// It returns the exit code; the error says that the command could not be run.
func (j *lockJob) runChild(ctx context.Context, lock held) (int, error) {
	cmd := j.child(lock)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the command: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return exitCode(err)
	case <-ctx.Done():
		j.say("stopping the command")
	case <-lock.Context().Done():
		fmt.Fprintf(j.t.err, "registryctl: lock %s is lost (%v), stopping the command\n", j.prefix, context.Cause(lock.Context()))
	}
	return exitCode(stopChild(cmd, ended, j.ttl*2/9))
}

// stopChild asks the command to end, and ends it if it has not after the time
// grace. Its children end with it in any case.
func stopChild(cmd *exec.Cmd, ended <-chan error, grace time.Duration) error {
	terminate(cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		kill(cmd) // its children, which may have missed it
		return err
	case <-timer.C:
		kill(cmd)
		return <-ended
	}
}

// child makes the command ready to start.
func (j *lockJob) child(lock held) *exec.Cmd {
	words := j.command
	if len(words) == 1 && j.shell {
		words = shell(words[0])
	}
	cmd := exec.Command(words[0], words[1:]...)
	token := lock.Token()
	cmd.Env = append(os.Environ(),
		"CONSUL_LOCK_HELD=true",
		"REGISTRYD_LOCK_INDEX="+strconv.FormatUint(token.ModifyIndex, 10),
		"REGISTRYD_LOCK_COUNT="+strconv.FormatUint(token.LockIndex, 10),
		"REGISTRYD_LOCK_KEY="+j.prefix,
		"REGISTRYD_LOCK_SESSION="+lock.Session(),
	)
	cmd.Stdout, cmd.Stderr = j.t.out, j.t.err
	if j.passStdin {
		cmd.Stdin = j.t.in
	}
	// What the command leaves running may keep its output open: do not wait
	// for that.
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	return cmd
}

// exitCode is the exit code of a command that ended with err.
func exitCode(err error) (int, error) {
	var e *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return 0, nil
	case errors.As(err, &e):
		return codeOf(e), nil
	}
	return 0, fmt.Errorf("run the command: %w", err)
}
