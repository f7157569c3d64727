package raft

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// repeatAfter is how long the same message of the library is held back: it
// reports every failed heartbeat to a dead peer, several times a second.
const repeatAfter = 10 * time.Second

// logBridge gives the library's messages to slog, one level lower than it
// thinks: what an operator should act on is reported by this package itself.
type logBridge struct {
	to   *slog.Logger
	name string
	args []any

	seen *seenMessages
}

// seenMessages remembers when a message was last passed on.
type seenMessages struct {
	every time.Duration // how long the same one is then held back

	mu sync.Mutex
	at map[string]time.Time
}

func newSeenMessages(every time.Duration) *seenMessages {
	return &seenMessages{every: every, at: map[string]time.Time{}}
}

func newLogBridge(to *slog.Logger) *logBridge {
	return &logBridge{to: to, seen: newSeenMessages(repeatAfter)}
}

// expected are messages that belong to normal operation here: a pushed commit
// can overtake the entry it is about, and every first start finds no peers.
func expected(msg string) bool {
	return strings.HasPrefix(msg, "failed to get previous log") || strings.HasPrefix(msg, "no known peers")
}

func (b *logBridge) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	if !expected(msg) {
		switch level {
		case hclog.Error:
			to = slog.LevelWarn
		case hclog.Warn:
			to = slog.LevelInfo
		}
	}
	ctx := context.Background()
	if !b.to.Enabled(ctx, to) || (to > slog.LevelDebug && !b.seen.first(msg)) {
		return
	}
	all := append(append([]any{}, b.args...), args...)
	attrs := make([]slog.Attr, 0, len(all)/2)
	for i := 0; i+1 < len(all); i += 2 {
		v := all[i+1]
		if f, ok := v.(hclog.Format); ok && len(f) > 0 {
			v = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
		attrs = append(attrs, slog.Any(fmt.Sprint(all[i]), v))
	}
	b.to.LogAttrs(ctx, to, msg, attrs...)
}

// first reports whether the message has not been passed on lately.
func (s *seenMessages) first(msg string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.at[msg]) < s.every {
		return false
	}
	if len(s.at) > 256 { // messages with a varying text
		clear(s.at)
	}
	s.at[msg] = now
	return true
}

func (b *logBridge) Trace(string, ...any)          {}
func (b *logBridge) Debug(msg string, args ...any) { b.Log(hclog.Debug, msg, args...) }
func (b *logBridge) Info(msg string, args ...any)  { b.Log(hclog.Info, msg, args...) }
func (b *logBridge) Warn(msg string, args ...any)  { b.Log(hclog.Warn, msg, args...) }
func (b *logBridge) Error(msg string, args ...any) { b.Log(hclog.Error, msg, args...) }

func (b *logBridge) IsTrace() bool { return false }
func (b *logBridge) IsDebug() bool { return b.to.Enabled(context.Background(), slog.LevelDebug) }
func (b *logBridge) IsInfo() bool  { return b.IsDebug() }
func (b *logBridge) IsWarn() bool  { return b.to.Enabled(context.Background(), slog.LevelInfo) }
func (b *logBridge) IsError() bool { return b.to.Enabled(context.Background(), slog.LevelWarn) }

func (b *logBridge) ImpliedArgs() []any { return b.args }
func (b *logBridge) Name() string       { return b.name }

func (b *logBridge) With(args ...any) hclog.Logger {
	return &logBridge{to: b.to, name: b.name, seen: b.seen, args: append(append([]any{}, b.args...), args...)}
}

func (b *logBridge) Named(name string) hclog.Logger {
	return &logBridge{to: b.to, name: name, seen: b.seen, args: b.args}
}

func (b *logBridge) ResetNamed(name string) hclog.Logger { return b.Named(name) }
func (b *logBridge) SetLevel(hclog.Level)                {}
func (b *logBridge) GetLevel() hclog.Level               { return hclog.Debug }

func (b *logBridge) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return log.New(io.Discard, "", 0)
}

func (b *logBridge) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return io.Discard }
