package config

import (
	"errors"
	"fmt"
)

// fault is an error in a value: where it stands, what it belongs to (from the
// outside in, such as `service "web": check "alive": ttl`) and what is wrong.
type fault struct {
	at   place
	what string
	err  error
}

func (f *fault) Error() string { return fmt.Sprintf("%s: %s %s", f.at, f.what, f.err) }

func (f *fault) Unwrap() error { return f.err }

// blame makes err a fault of what. If it is one already, the inner place stays,
// being the more exact one.
func blame(at place, what string, err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := errors.AsType[*fault](err); ok {
		return &fault{inner.at, what + ": " + inner.what, inner.err}
	}
	return &fault{at, what, err}
}
