package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// lockJob is a command to be run under a lock.
type lockJob struct {
	t       *tool
	prefix  string
	command []string

	slots     int
	name      string
	ttl       time.Duration
	try       time.Duration
	try0      bool // give up at once
	shell     bool
	passStdin bool
	verbose   bool
	childCode *bool // nil means that the command's own exit code is ours
}

func (t *tool) lock() *cobra.Command {
	j := lockJob{t: t}
	var timeout time.Duration
	var childCode bool
	cmd := &cobra.Command{
		Use:   "lock KEY -- COMMAND [ARGUMENT...]",
		Short: "Run a command while holding a lock",
		Long: `Waits for the lock, runs the command, and releases the lock when the command
ends, whose exit code it returns. As Consul's tools do, it locks KEY/.lock, so
that both respect each other; with -n=N up to N commands run at a time.

The lock is a lease. If it cannot be renewed in time, or is taken away, the
command and its children get SIGTERM and then SIGKILL, before another can get
the lock. The command finds in its environment:

  CONSUL_LOCK_HELD        true
  REGISTRYD_LOCK_INDEX    the fencing token: it grows from holder to holder, so
                          whoever receives the work can refuse a late one
  REGISTRYD_LOCK_COUNT    how many held the lock since its key was made
  REGISTRYD_LOCK_KEY      KEY
  REGISTRYD_LOCK_SESSION  the session that holds the lock`,
		Example: `  registryctl lock jobs/nightly -- ./backup.sh --full
  registryctl lock -n=3 -try=10s jobs/convert -- ./convert.sh
  registryctl lock jobs/nightly './backup.sh && ./upload.sh'`,
		Args:        args(1, -1),
		Annotations: map[string]string{argsCommand: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			j.prefix, j.command = keyArg(args), args[1:]
			switch {
			case j.prefix == "":
				return usagef("the key is empty")
			case len(j.command) == 0:
				return usagef("a command is missing: registryctl lock KEY -- COMMAND")
			case j.slots < 1:
				return usagef("-n must be at least 1")
			}
			if cmd.Flags().Changed("timeout") && !cmd.Flags().Changed("try") {
				j.try = timeout
			}
			j.try0 = cmd.Flags().Changed("try") && j.try == 0
			if cmd.Flags().Changed("child-exit-code") {
				j.childCode = &childCode
			}
			return j.run(cmd.Context())
		},
		ValidArgsFunction: first(t.keys()),
	}
	f := cmd.Flags()
	f.IntVar(&j.slots, "n", 1, "how many may hold it at a time; more than 1 makes it a semaphore")
	f.StringVar(&j.name, "name", "", "`name` of the session, for people")
	f.DurationVar(&j.ttl, "ttl", 15*time.Second, "`time` for which the lock stays taken when its holder vanishes")
	f.DurationVar(&j.try, "try", 0, "give up when the lock is not free within this `time`; 0s looks once")
	f.DurationVar(&timeout, "timeout", 0, "the same as -try")
	f.BoolVar(&j.shell, "shell", true, "run a command of a single word with a shell")
	f.BoolVar(&j.passStdin, "pass-stdin", false, "let the command read standard input")
	f.BoolVar(&j.verbose, "verbose", false, "say what is done")
	f.BoolVar(&childCode, "child-exit-code", false, "exit with 2 if the command fails; if false, with 0")
	f.Int("monitor-retry", 3, "accepted for Consul's command lines: the lease is kept up as long as it can last")
	_ = f.MarkHidden("monitor-retry")
	return cmd
}

// held is a lock or a slot of a semaphore.
type held interface {
	Context() context.Context
	Token() api.FencingToken
	Session() string
	Release(context.Context) error
}

// run does the job until it is done or ctx ends.
func (j *lockJob) run(ctx context.Context) error {
	c, err := j.t.client()
	if err != nil {
		return err
	}
	j.say("waiting for lock %s", j.prefix)
	lock, err := j.acquire(ctx, c)
	if err != nil {
		return err
	}
	j.say("lock %s is ours, starting the command", j.prefix)
	code, failure := j.runChild(ctx, lock)
	j.say("releasing lock %s", j.prefix)

	// Ctx may have ended, which is no reason to keep others waiting.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := errors.Join(failure, lock.Release(ctx)); err != nil {
		return err
	}
	if j.slots == 1 {
		j.tidy(ctx, c)
	}
	return j.exit(code)
}

// exit is what the command's exit code leads to.
func (j *lockJob) exit(code int) error {
	switch {
	case code == 0, j.childCode != nil && !*j.childCode:
		return nil
	case j.childCode != nil:
		return &exitError{code: 2}
	}
	return &exitError{code: code}
}

func (j *lockJob) say(format string, args ...any) {
	if j.verbose {
		fmt.Fprintf(j.t.err, format+"\n", args...)
	}
}

// key is what is locked.
func (j *lockJob) key() string { return strings.TrimRight(j.prefix, "/") + "/.lock" }

// acquire gets the lock.
func (j *lockJob) acquire(ctx context.Context, c *api.Client) (held, error) {
	// The context of the work ends a third of the TTL early: two thirds of
	// that for the command to stop by itself, the rest to see it dead.
	o := &api.LockOptions{TTL: j.ttl, Margin: j.ttl / 3, Name: j.name}
	if j.try > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.try)
		defer cancel()
	}
	lock, err := j.contend(ctx, c, o)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return nil, &exitError{exitFailed, fmt.Sprintf("lock %s was not free within %v", j.prefix, j.try)}
	}
	return lock, err
}

func (j *lockJob) contend(ctx context.Context, c *api.Client, o *api.LockOptions) (held, error) {
	switch {
	case j.slots > 1 && j.try0:
		return c.TrySemaphore(ctx, j.prefix, j.slots, o)
	case j.slots > 1:
		return c.Semaphore(ctx, j.prefix, j.slots, o)
	case j.try0:
		return c.TryLock(ctx, j.key(), o)
	}
	return c.Lock(ctx, j.key(), o)
}

// tidy removes the lock's key unless somebody else has it by now. It is of no
// importance, so nobody hears of errors.
func (j *lockJob) tidy(ctx context.Context, c *api.Client) {
	p, _, err := c.KV().Get(ctx, j.key(), nil)
	if err == nil && p.Session == "" && p.Flags == api.LockFlag {
		_, _ = c.KV().DeleteCAS(ctx, p.Key, p.ModifyIndex)
	}
}
