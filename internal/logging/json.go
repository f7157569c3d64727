package logging

import (
	"encoding/json"
	"log/slog"
	"time"
)

// jsonLine writes a line as one JSON object with the keys that hclog uses:
// @timestamp, @level, @module and @message.
func jsonLine(t time.Time, level slog.Level, component, msg string, attrs []slog.Attr) []byte {
	m := make(map[string]any, len(attrs)+4)
	for _, a := range attrs {
		v := a.Value.Any()
		if e, ok := v.(error); ok {
			v = e.Error()
		}
		m[a.Key] = v
	}
	m["@timestamp"], m["@message"] = t.Format(timeFormat), msg
	m["@level"] = map[string]string{"TRACE": "trace", "DEBUG": "debug", "INFO": "info", "WARN": "warn", "ERROR": "error"}[name(level)]
	if component != "" {
		m["@module"] = component
	}
	b, err := json.Marshal(m)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"@message": msg, "@error": err.Error()})
	}
	return append(b, '\n')
}
