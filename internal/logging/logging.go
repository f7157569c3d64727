// Package logging writes log lines in the form people know from Consul,
//
//	2006-01-02T15:04:05.000Z [INFO]  checks: message: key=value
//
// or as JSON, and lets watchers follow them at a level of their own.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// LevelTrace is the level below slog.LevelDebug.
const LevelTrace = slog.LevelDebug - 4

// Log is where a server's log lines go. Safe for concurrent use.
type Log struct {
	level atomic.Int64 // of the main output
	least atomic.Int64 // lowest of all levels in use

	mu       sync.Mutex // guards out and watchers; lines are written whole
	out      io.Writer
	json     bool
	watchers map[*watcher]struct{}
}

type watcher struct {
	level slog.Level
	json  bool
	lines chan []byte
}

// watcherBuffer is how many lines a slow watcher may be behind; the rest are
// dropped, since nobody slow may hold up the server.
const watcherBuffer = 512

// New returns a Log that writes lines of the level and above to out.
func New(out io.Writer, level slog.Level, json bool) *Log {
	l := &Log{out: out, json: json, watchers: map[*watcher]struct{}{}}
	l.SetLevel(level)
	return l
}

// Logger returns a logger over l; its Named children are made with
// With("component", name).
func (l *Log) Logger() *slog.Logger { return slog.New(&handler{log: l}) }

// Named returns a logger whose lines begin with the component's name.
func Named(l *slog.Logger, name string) *slog.Logger { return l.With(componentKey, name) }

const componentKey = "component"

// SetLevel changes the level of the main output.
func (l *Log) SetLevel(level slog.Level) {
	l.level.Store(int64(level))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.updateLeast()
}

func (l *Log) updateLeast() {
	least := l.level.Load()
	for w := range l.watchers {
		least = min(least, int64(w.level))
	}
	l.least.Store(least)
}

// ParseLevel reads a level's name in any case; unknown ones are Invalid.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToUpper(s) {
	case "TRACE":
		return LevelTrace, nil
	case "DEBUG":
		return slog.LevelDebug, nil
	case "INFO":
		return slog.LevelInfo, nil
	case "WARN", "WARNING":
		return slog.LevelWarn, nil
	case "ERR", "ERROR":
		return slog.LevelError, nil
	}
	return 0, api.E(api.Invalid, "Unknown log level: "+s+" (use TRACE, DEBUG, INFO, WARN or ERROR)")
}

// Watch writes lines of the level and above to w until ctx ends or w fails. It
// begins with a write of nothing: from then on no line is missed.
func (l *Log) Watch(ctx context.Context, level slog.Level, json bool, w io.Writer) error {
	me := &watcher{level: level, json: json, lines: make(chan []byte, watcherBuffer)}
	l.mu.Lock()
	l.watchers[me] = struct{}{}
	l.updateLeast()
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.watchers, me)
		l.updateLeast()
		l.mu.Unlock()
	}()
	if _, err := w.Write(nil); err != nil {
		return nil
	}
	for {
		select {
		case line := <-me.lines:
			if _, err := w.Write(line); err != nil {
				return nil // the watcher went away
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// handler is the slog side of a Log.
type handler struct {
	log       *Log
	component string
	attrs     []slog.Attr
	group     string
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return int64(level) >= h.log.least.Load()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.attrs = append([]slog.Attr(nil), h.attrs...)
	for _, a := range attrs {
		if a.Key == componentKey && h.group == "" {
			if n.component != "" {
				n.component += "."
			}
			n.component += a.Value.String()
			continue
		}
		a.Key = h.group + a.Key
		n.attrs = append(n.attrs, a)
	}
	return &n
}

func (h *handler) WithGroup(name string) slog.Handler {
	n := *h
	n.group += name + "."
	return &n
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	attrs := append([]slog.Attr(nil), h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		attrs = append(attrs, a)
		return true
	})
	h.log.write(r.Time, r.Level, h.component, r.Message, attrs)
	return nil
}

func (l *Log) write(t time.Time, level slog.Level, component, msg string, attrs []slog.Attr) {
	var forms [2][]byte // text, JSON; made when first needed
	form := func(json bool) []byte {
		i, make := 0, text
		if json {
			i, make = 1, jsonLine
		}
		if forms[i] == nil {
			forms[i] = make(t, level, component, msg, attrs)
		}
		return forms[i]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if int64(level) >= l.level.Load() {
		l.out.Write(form(l.json))
	}
	for w := range l.watchers {
		if level < w.level {
			continue
		}
		select {
		case w.lines <- form(w.json):
		default:
		}
	}
}

// name returns the level's name as lines show it.
func name(level slog.Level) string {
	switch {
	case level < slog.LevelDebug:
		return "TRACE"
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARN"
	}
	return "ERROR"
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func text(t time.Time, level slog.Level, component, msg string, attrs []slog.Attr) []byte {
	b := t.AppendFormat(make([]byte, 0, 128), timeFormat)
	n := name(level)
	b = fmt.Appendf(b, " [%s]%*s", n, 6-len(n), "")
	if component != "" {
		b = append(append(b, component...), ": "...)
	}
	b = append(b, msg...)
	for i, a := range attrs {
		if i == 0 {
			b = append(b, ':')
		}
		v := a.Value.String()
		if strings.ContainsAny(v, " \t\n\"") || v == "" {
			v = fmt.Sprintf("%q", v)
		}
		b = append(append(append(append(b, ' '), a.Key...), '='), v...)
	}
	return append(b, '\n')
}
