package api

import (
	"errors"
	"net/http"
)

// Kind classifies an Error. Kinds cross the wire (in the X-Registryd-Error
// header of an HTTP answer, and between servers), so new ones are appended and
// none is ever renumbered.
type Kind uint8

// The kinds of errors. The comment says which HTTP status each answers with.
const (
	Internal         Kind = iota // 500: a fault of the server itself
	Invalid                      // 400: the request cannot be understood
	NotFound                     // 404: the named thing does not exist
	Forbidden                    // 403: the token lacks the right
	Disabled                     // 401: the feature asked for is switched off
	Conflict                     // 409: a transaction was rolled back
	TooLarge                     // 413: a body or value is above its limit
	RateLimited                  // 429: try again later
	Unavailable                  // 503: the server is shutting down or not ready
	NotLeader                    // 500: this server does not lead; ask the leader
	NoLeader                     // 500: no leader is known; nothing was changed
	OutcomeUnknown               // 500: a write may or may not have happened
	Refused                      // 500: understood, but the cluster refuses it
	UnknownDC                    // 500: no such datacenter
	MethodNotAllowed             // 405: the endpoint lacks the method
	Timeout                      // 504: the server gave up waiting; nothing is known to have changed
	kindCount
)

type kindInfo struct {
	name   string
	status int
}

// kinds is the one table between kinds, their wire names and HTTP statuses.
var kinds = [kindCount]kindInfo{
	Internal:         {"internal", http.StatusInternalServerError},
	Invalid:          {"invalid", http.StatusBadRequest},
	NotFound:         {"not-found", http.StatusNotFound},
	Forbidden:        {"forbidden", http.StatusForbidden},
	Disabled:         {"disabled", http.StatusUnauthorized},
	Conflict:         {"conflict", http.StatusConflict},
	TooLarge:         {"too-large", http.StatusRequestEntityTooLarge},
	RateLimited:      {"rate-limited", http.StatusTooManyRequests},
	Unavailable:      {"unavailable", http.StatusServiceUnavailable},
	NotLeader:        {"not-leader", http.StatusInternalServerError},
	NoLeader:         {"no-leader", http.StatusInternalServerError},
	OutcomeUnknown:   {"outcome-unknown", http.StatusInternalServerError},
	Refused:          {"refused", http.StatusInternalServerError},
	UnknownDC:        {"unknown-datacenter", http.StatusInternalServerError},
	MethodNotAllowed: {"method-not-allowed", http.StatusMethodNotAllowed},
	Timeout:          {"timeout", http.StatusGatewayTimeout},
}

// String returns the kind's wire name, such as "not-found".
func (k Kind) String() string {
	if k >= kindCount {
		return "internal"
	}
	return kinds[k].name
}

// Status returns the HTTP status the kind is answered with.
func (k Kind) Status() int {
	if k >= kindCount {
		return http.StatusInternalServerError
	}
	return kinds[k].status
}

// KindOf returns the kind that a server's answer stands for: by its wire name
// (the X-Registryd-Error header) when that is known, else by its status.
// A server that is not registryd sends no name.
func KindOf(name string, status int) Kind {
	if name != "" {
		for k, i := range kinds {
			if i.name == name {
				return Kind(k)
			}
		}
	}
	for k, i := range kinds {
		if i.status == status {
			return Kind(k)
		}
	}
	if status >= 400 && status < 500 {
		return Invalid
	}
	return Internal
}

// Error makes a Kind usable as a target of errors.Is:
//
//	if errors.Is(err, api.NotFound) { … }
func (k Kind) Error() string { return k.String() }

// Error is an error with a kind that survives the wire. Its text is one line
// meant for an operator. Program decisions use the kind, never the text:
//
//	errors.Is(err, api.NoLeader)
type Error struct {
	Kind Kind
	Msg  string // one line; empty means Err's text
	Err  error  // the cause, nil if none
}

// E returns an *Error of the kind with the given one-line message.
func E(kind Kind, msg string) error { return &Error{Kind: kind, Msg: msg} }

// Wrap returns err as an *Error of the kind whose text is "msg: err", or nil
// when err is nil.
func Wrap(kind Kind, msg string, err error) error {
	if err == nil {
		return nil
	}
	if msg != "" {
		msg += ": "
	}
	return &Error{Kind: kind, Msg: msg + err.Error(), Err: err}
}

// Error returns the message.
func (e *Error) Error() string {
	switch {
	case e.Msg != "":
		return e.Msg
	case e.Err != nil:
		return e.Err.Error()
	}
	return e.Kind.String()
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// ErrorKind returns the kind of err: that of the first *Error in its chain,
// else Internal.
func ErrorKind(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}
