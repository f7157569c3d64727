package logging

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

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
