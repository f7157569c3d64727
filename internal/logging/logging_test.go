package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestLinesLookLikeConsuls(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, slog.LevelInfo, false)
	log := Named(Named(l.Logger(), "agent"), "checks")
	log.Debug("quiet")
	log.Info("service registered", "service", "web 1", "error", errors.New("x"))
	require.Regexp(t, regexp.MustCompile(`^\S+ \[INFO\]  agent\.checks: service registered: service="web 1" error=x\n$`), out.String())
}

// hidden is a value that encoding/json writes as {}.
type hidden struct{ name string }

func (h *hidden) String() string { return "Node at " + h.name }

type state uint8

func (s state) String() string { return "Leader" }

func TestJSONLosesNoValue(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"text":               {"a", `"a"`},
		"number":             {7, `7`},
		"large number":       {uint64(1<<64 - 1), `18446744073709551615`},
		"truth":              {true, `true`},
		"fraction":           {0.5, `0.5`},
		"no number":          {math.NaN(), `"NaN"`},
		"nothing":            {nil, `null`},
		"list":               {[]string{"a", "b"}, `["a","b"]`},
		"duration":           {1500 * time.Millisecond, `"1.5s"`},
		"error":              {errors.New("x"), `"x"`},
		"pointer that tells": {&hidden{"h:1"}, `"Node at h:1"`},
		"struct":             {hidden{"h:1"}, `"{h:1}"`},
		"list of structs":    {[]hidden{{"h:1"}}, `"[{h:1}]"`},
		"named number":       {state(2), `"Leader"`},
		"function":           {(func())(nil), `"\u003cnil\u003e"`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			New(&out, slog.LevelInfo, true).Logger().Info("m", "v", c.value)
			var line struct{ V json.RawMessage }
			require.NoError(t, json.Unmarshal(out.Bytes(), &line))
			require.Equal(t, c.want, string(line.V), out.String())
		})
	}
}

func TestWatcherHasItsOwnLevel(t *testing.T) {
	l := New(io.Discard, slog.LevelError, false)
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- l.Watch(ctx, slog.LevelDebug, true, w) }()
	log := l.Logger()
	require.Eventually(t, func() bool { return log.Enabled(ctx, slog.LevelDebug) }, waitLong, waitStep)
	b := make([]byte, 512)
	n, err := r.Read(b)
	require.NoError(t, err)
	require.Zero(t, n, "the beginning")
	log.Debug("hello", "n", 7)
	n, err = r.Read(b)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(b[:n]), `"@level":"debug"`) && strings.Contains(string(b[:n]), `"n":7`), string(b[:n]))
	cancel()
	require.NoError(t, <-ended)
	require.False(t, log.Enabled(ctx, slog.LevelDebug))
}

func TestUnknownLevelIsInvalid(t *testing.T) {
	_, err := ParseLevel("shouting")
	require.ErrorIs(t, err, api.Invalid)
}
