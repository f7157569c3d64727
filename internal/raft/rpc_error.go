package raft

import (
	"context"
	"errors"

	"github.com/registryd/registryd/pkg/api"
)

// errClosed is the error of every operation on a closed Node.
var errClosed = api.E(api.Unavailable, "server is shutting down")

// encodeError returns the status byte and text an error travels as.
func encodeError(err error) (byte, string) {
	kind := api.ErrorKind(err)
	switch {
	case kind != api.Internal:
	case errors.Is(err, context.DeadlineExceeded):
		kind = api.Timeout
	case errors.Is(err, context.Canceled):
		kind = api.Unavailable
	}
	return 1 + byte(kind), err.Error()
}

// decodeError is the inverse: the same kind and text as at the other end.
func decodeError(status byte, text string) error {
	return api.E(api.Kind(status-1), text)
}

// refusedBefore reports whether an attempt failed before anything could have
// changed, and another attempt may find a leader.
func refusedBefore(err error) bool {
	return errors.Is(err, api.NotLeader) || errors.Is(err, api.NoLeader) || errors.Is(err, api.Unavailable)
}
