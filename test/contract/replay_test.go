package contract

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/server"
)

// serve starts a server as the recordings ask for and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	set := func(key, value string) config.Setting { return config.Setting{Key: key, Value: value, Origin: "test"} }
	cfg, err := config.Load(config.Sources{
		Paths: []string{"recordings/server.json"},
		Settings: []config.Setting{set("server", "true"), set("bootstrap", "true"), set("data_dir", t.TempDir()), set("node_name", "replayed"),
			set("bind_addr", "127.0.0.1"), set("ports.http", "0"), set("ports.server", "0"), set("ports.serf_lan", "-1"), set("ports.dns", "-1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(cfg, server.Options{LogOutput: io.Discard, Reload: func() (*config.Config, error) { return cfg, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.HTTPAddr()
}

// TestReplay plays every recording: those that take half a minute, and the one
// that replaces all state, on servers of their own beside the rest.
func TestReplay(t *testing.T) {
	for name, part := range map[string]struct{ run, skip string }{
		"quick":    {"", "slow|^zz_"},
		"slow":     {"slow", ""},
		"snapshot": {"^zz_", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expr := func(s string) *regexp.Regexp {
				if s == "" {
					return nil
				}
				return regexp.MustCompile(s)
			}
			steps := 0
			err := Replay(serve(t), "recordings", expr(part.run), expr(part.skip), func(file, step string, problems []string) {
				steps++
				if len(problems) > 0 {
					t.Errorf("%s: %s: %s", file, step, strings.Join(problems, "; "))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d steps replayed", steps)
		})
	}
}
