package logging

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"time"
)

// jsonLine writes a line as one JSON object with the keys that hclog uses:
// @timestamp, @level, @module and @message.
func jsonLine(t time.Time, level slog.Level, component, msg string, attrs []slog.Attr) []byte {
	m := make(map[string]any, len(attrs)+4)
	for _, a := range attrs {
		m[a.Key] = jsonValue(a.Value)
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

// jsonValue returns what encoding/json shall write for a value: numbers, truth
// values and lists of them as they are, and the rest in the words of a text
// line. Of a struct it would write the exported fields, which is often none.
func jsonValue(v slog.Value) any {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindString:
		return v.Any()
	case slog.KindAny:
		switch v.Any().(type) {
		case nil:
			return nil
		case error, fmt.Stringer:
			return v.String()
		}
		t := reflect.TypeOf(v.Any())
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Bool, reflect.String,
			reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			return v.Any()
		}
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return v.String()
}
