package config

import (
	"log/slog"
	"strings"
)

// LevelTrace is the level of TRACE, which log/slog has no name for.
const LevelTrace = slog.LevelDebug - 4

// SlogLevel is the level as log/slog numbers them.
func (g Log) SlogLevel() slog.Level {
	switch strings.ToUpper(g.Level) {
	case "TRACE":
		return LevelTrace
	case "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERR", "ERROR":
		return slog.LevelError
	}
	return slog.LevelInfo
}
