package rig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/freeport"
)

// Server is a registryd process. Its methods are for one goroutine at a time,
// save Client.
type Server struct {
	Name string
	HTTP string // host:port of its API
	DNS  string // host:port of its DNS

	join string // host:port of its server port
	bin  string
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
	err  error         // how it ended; set before done is closed

	killed bool
	client *api.Client
}

// One starts a server that is a cluster by itself and waits until it leads.
// config is merged over the settings it needs; nil adds nothing. The process
// ends with the test.
func One(t testing.TB, config map[string]any) *Server {
	t.Helper()
	s := prepare(t, "single", config)
	s.args = append(s.args, "-bootstrap")
	s.Start(t)
	s.awaitCluster(t, 1)
	return s
}

// prepare chooses ports and writes the configuration of a server.
func prepare(t testing.TB, name string, config map[string]any) *Server {
	t.Helper()
	ports := freeport.GetN(t, 3)
	s := &Server{
		Name: name,
		HTTP: fmt.Sprintf("127.0.0.1:%d", ports[0]),
		DNS:  fmt.Sprintf("127.0.0.1:%d", ports[2]),
		join: fmt.Sprintf("127.0.0.1:%d", ports[1]),
		bin:  Binary(t),
		dir:  t.TempDir(),
	}
	s.client = Client(t, s.HTTP)
	file := map[string]any{
		"node_name":      name,
		"bind_addr":      "127.0.0.1",
		"data_dir":       filepath.Join(s.dir, "data"),
		"log_level":      "debug",
		"enable_debug":   true,
		"ports":          map[string]any{"http": ports[0], "server": ports[1], "dns": ports[2], "serf_lan": -1},
		"connect":        map[string]any{"enabled": true},
		"performance":    map[string]any{"raft_multiplier": 1},
		"retry_interval": "100ms",
	}
	for key, value := range config {
		file[key] = value
	}
	raw, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "config.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{"agent", "-server", "-config-file", path}
	return s
}

// Start starts the process, anew if it was killed. It does not wait until the
// server is ready.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.bin, s.args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := s.cmd == nil
	done := make(chan struct{})
	s.cmd, s.done, s.killed = cmd, done, false
	go func() {
		s.err = cmd.Wait()
		close(done)
	}()
	if first {
		t.Cleanup(func() { s.end(t) })
	}
}

// Kill ends the process as kill -9 does, and returns when it is gone.
func (s *Server) Kill() {
	s.killed = true
	_ = s.cmd.Process.Kill()
	<-s.done
}

// end stops the process at the end of a test and shows the log of a failed one.
func (s *Server) end(t testing.TB) {
	select {
	case <-s.done:
		if !s.killed {
			t.Errorf("%s ended by itself: %v", s.Name, s.err)
		}
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		s.Kill()
		t.Errorf("%s did not end within 10 s of SIGTERM", s.Name)
	}
	if !t.Failed() {
		return
	}
	if raw, err := os.ReadFile(s.logPath()); err == nil {
		lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
		t.Logf("last lines of %s:\n%s", s.Name, bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
	}
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }

// Client returns an official client of this server, the same one at each call:
// an address may only have so many connections. They end with the server.
func (s *Server) Client() *api.Client { return s.client }

// Client returns an official client of the API at host:port addr. Its
// connections end with the test.
func Client(t testing.TB, addr string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = addr
	t.Cleanup(config.Transport.CloseIdleConnections)
	c, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// awaitCluster waits until the server knows a leader and n servers are in the
// catalog, all passing.
func (s *Server) awaitCluster(t testing.TB, n int) {
	t.Helper()
	client := s.Client()
	Eventually(t, s.Name+" is ready", func() error {
		select {
		case <-s.done:
			raw, _ := os.ReadFile(s.logPath())
			return fmt.Errorf("it ended: %s", strings.TrimSpace(string(raw)))
		default:
		}
		if leader, err := client.Status().Leader(); err != nil {
			return fmt.Errorf("ask for the leader: %w", err)
		} else if leader == "" {
			return errors.New("no leader")
		}
		entries, _, err := client.Health().Service("consul", "", true, &api.QueryOptions{RequireConsistent: true})
		if err == nil && len(entries) != n {
			err = fmt.Errorf("%d of %d servers pass", len(entries), n)
		}
		return err
	})
}
