package server

import "runtime/debug"

// revision is the commit the binary was built from, "unknown" without one.
func revision() string { return setting("vcs.revision", "unknown") }

// buildDate is the time of that commit, in RFC 3339.
func buildDate() string { return setting("vcs.time", "1970-01-01T00:00:01Z") }

func setting(key, otherwise string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == key && s.Value != "" {
				return s.Value
			}
		}
	}
	return otherwise
}
