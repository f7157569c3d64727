package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestKindsSurviveTheWire sends each kind out as a server does and takes it in
// as a client does.
func TestKindsSurviveTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var kind Kind
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, kind, "because of "+kind.String()+"\n")
		}))
		c := n.client(t, func(c *Config) { c.RetryTime = -1 }, "a:1")
		seen := map[string]bool{}
		for kind = 0; kind < kindCount; kind++ {
			_, err := c.Status().Leader(t.Context())
			require.ErrorIs(t, err, kind)
			require.Equal(t, kind, ErrorKind(err))
			require.EqualError(t, err, "because of "+kind.String())
			require.False(t, seen[kind.String()], "two kinds of one name")
			seen[kind.String()] = true
		}
	})
}

func TestKindOfForeignAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		want   Kind
	}{
		{"", 400, Invalid}, {"", 401, Disabled}, {"", 403, Forbidden}, {"", 404, NotFound}, {"", 405, MethodNotAllowed},
		{"", 409, Conflict}, {"", 413, TooLarge}, {"", 418, Invalid}, {"", 429, RateLimited}, {"", 500, Internal},
		{"", 502, Internal}, {"", 503, Unavailable}, {"", 504, Timeout},
		{"no-leader", 500, NoLeader}, {"not-known-yet", 404, NotFound}, {"not-found", 500, NotFound},
	} {
		require.Equal(t, tt.want, KindOf(tt.name, tt.status), "%q %d", tt.name, tt.status)
	}
}

func TestErrorsWrap(t *testing.T) {
	err := fmt.Errorf("outer: %w", Wrap(OutcomeUnknown, "write", context.Canceled))
	require.ErrorIs(t, err, OutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, errors.Is(err, NotFound))
	require.EqualError(t, err, "outer: write: context canceled")
	require.NoError(t, Wrap(Invalid, "nothing", nil))
	require.Equal(t, Internal, ErrorKind(errors.New("foreign")))
	require.Equal(t, NoLeader, ErrorKind(NoLeader))
}

func TestErrorTextIsOneShortLine(t *testing.T) {
	page := "<html>\n" + strings.Repeat("x", 5000)
	for body, want := range map[string]string{
		"":                         "internal server error",
		"  plain \n":               "plain",
		page:                       "<html>",
		strings.Repeat("y", 5000):  strings.Repeat("y", 1000) + "…",
		"\n\nfirst\nsecond\nthird": "first",
	} {
		err, named := errorFrom(&http.Response{StatusCode: 500, Header: http.Header{}}, []byte(body))
		require.EqualError(t, err, want)
		require.False(t, named)
	}
	err, _ := errorFrom(&http.Response{StatusCode: 599, Header: http.Header{}}, nil)
	require.EqualError(t, err, "status 599")
}

func TestUnreadableAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, 0, "<html>") }))
		_, err := n.client(t, nil, "a:1").Status().Leader(t.Context())
		require.ErrorIs(t, err, Internal)
		require.ErrorContains(t, err, "a:1")
	})
}
