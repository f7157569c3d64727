package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2 // also: what a lookup asked for is not there
)

// exitError is an error with the exit code it leads to. An empty message means
// that everything was said.
type exitError struct {
	code int
	msg  string
}

func (e *exitError) Error() string { return e.msg }

// usagef is an error of the command line.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// absentf says that what was asked for is not there.
func absentf(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// report prints an error, if there is one, and returns the exit code.
func (t *tool) report(err error) int {
	if err == nil {
		return 0
	}
	var e *exitError
	if errors.As(err, &e) {
		if e.msg != "" {
			fmt.Fprintf(t.err, "registryctl: %s\n", e.msg)
		}
		return e.code
	}
	fmt.Fprintf(t.err, "registryctl: %s\n", t.explain(err))
	if !t.started {
		return exitUsage
	}
	return exitFailed
}

// explain words an error with what can be done about it.
func (t *tool) explain(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	var e *api.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case !errors.As(err, &e):
		return text
	}
	switch e.Kind {
	case api.Unavailable:
		if e.Err != nil { // nothing answered; else the server said it
			return fmt.Sprintf("no server answers at %s: is it running? Try --http-addr or CONSUL_HTTP_ADDR (%s)", t.conn.where(), cause(e))
		}
	case api.NoLeader, api.NotLeader:
		return text + ": are most of the servers running? See registryctl members"
	case api.Forbidden:
		return text + ": give a token with --token or CONSUL_HTTP_TOKEN"
	case api.OutcomeUnknown:
		return text + ": look before you repeat it"
	}
	return text
}

// cause is the innermost cause of an error.
func cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
