//go:build unix

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// exampleCodes are the exit codes of the examples that cannot work on a lone
// server; all others must exit with 0.
func exampleCodes() map[string]int {
	return map[string]int{
		"registryctl members -status=failed":                           exitUsage,  // none has failed
		"registryctl join 10.0.0.2":                                    exitFailed, // there is no other server
		"registryctl join 10.0.0.2:8300 10.0.0.3:8300":                 exitFailed,
		"registryctl force-leave server-3":                             exitFailed,
		"registryctl force-leave -prune server-3":                      exitFailed,
		"registryctl rtt -wan server-1.dc1 server-4.dc2":               exitFailed,
		"registryctl operator raft remove-peer -id=8b1e…":              exitFailed, // the last one stays
		"registryctl operator raft remove-peer -address=10.0.0.3:8300": exitFailed,
		"registryctl operator raft transfer-leader":                    exitFailed,
	}
}

// endless reports whether an example runs until it is stopped.
func endless(line string) bool {
	words := strings.Fields(line)
	switch words[1] {
	case "watch":
		return line != "registryctl watch -type=services" // which has no command
	case "monitor":
		return true
	case "history":
		return slices.Contains(words, "-follow")
	case "top":
		return !slices.Contains(words, "-once")
	}
	return false
}

// examples are the lines that the commands show as such; the one that ends the
// server comes last.
func examples() []string {
	var lines, last []string
	walk((&tool{}).root(), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			if cmd.Name() == "leave" {
				last = append(last, strings.TrimSpace(line))
				continue
			}
			lines = append(lines, strings.TrimSpace(line))
		}
	})
	return append(lines, last...)
}

// stage is the world in which the examples run.
type stage struct {
	addr, node, dns, dir string
	web                  *net.TCPAddr // a web server
	c                    *api.Client
	env                  []string
}

func newStage(t *testing.T, addr, node string) *stage {
	t.Helper()
	s := &stage{addr: addr, node: node, dir: t.TempDir()}
	var err error
	s.c, err = api.New(api.Config{Addresses: []string{addr}, IgnoreEnv: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.c.Close() })
	self, err := s.c.Agent().Self(t.Context())
	require.NoError(t, err)
	s.dns = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(self.DebugConfig["DNSPort"].(float64))))
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(web.Close)
	s.web = web.Listener.Addr().(*net.TCPAddr)

	for _, dir := range []string{"bin", "docs", "man1", "registryd.d", "data"} {
		require.NoError(t, os.Mkdir(filepath.Join(s.dir, dir), 0o755))
	}
	for name, text := range map[string]string{
		"web.hcl":              `service { name = "web" id = "web-1" port = 80 }`,
		"registryd.d/base.hcl": `data_dir = "data" service { name = "web" port = 80 }`,
		"query.json":           `{"Name":"from-file","Service":{"Service":"web"}}`,
		"app.json":             `[{"key":"app/color","flags":0,"value":"Z3JlZW4="}]`,
		"config.json":          `{}`,
		"policy.hcl":           `Kind = "check-policy" Name = "web" Guard { Share = 0.5 }`,
		"reload.sh":            "#!/bin/sh\necho ran\n",
		"backup.sh":            "#!/bin/sh\necho ran\n",
		"upload.sh":            "#!/bin/sh\necho ran\n",
		"convert.sh":           "#!/bin/sh\necho ran\n",
		"alert":                "#!/bin/sh\necho ran\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o755))
	}
	self0, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self0, filepath.Join(s.dir, "bin", "registryctl")))
	s.env = append(os.Environ(), asProgram+"=yes", "GORACE=atexit_sleep_ms=0", "CONSUL_HTTP_ADDR="+addr, "PATH="+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"))
	return s
}

// set puts everything in place that examples speak of, and returns the line
// with the names and addresses of this stage.
func (s *stage) set(t *testing.T, line string) string {
	t.Helper()
	ctx := t.Context()
	old, err := s.c.Agent().Services(ctx, "")
	require.NoError(t, err)
	for id := range old { // what others left would be found, too
		require.NoError(t, s.c.Agent().DeregisterService(ctx, id))
	}
	service := &api.ServiceRegistration{Name: "web", ID: "web-1", Tags: []string{"v2"}, Address: s.web.IP.String(), Port: s.web.Port,
		Check: &api.CheckRegistration{CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Minute)}}}
	require.NoError(t, s.c.Agent().RegisterService(ctx, service))
	require.NoError(t, s.c.Agent().PassTTL(ctx, "service:web-1", ""))
	require.NoError(t, s.c.Agent().RegisterCheck(ctx, &api.CheckRegistration{ID: "disk", Name: "disk", Status: api.Passing, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Minute)}}))
	for _, key := range []string{"app/color", "app/old", "app/x"} {
		require.NoError(t, s.c.KV().Put(ctx, &api.KVPair{Key: key, Value: []byte("green")}))
	}
	key := "app/x"
	if strings.Contains(line, "app/color") {
		key = "app/color"
	}
	pair, _, err := s.c.KV().Get(ctx, key, nil)
	require.NoError(t, err)
	index := pair.ModifyIndex
	if strings.Contains(line, " config ") {
		require.NoError(t, s.c.CheckPolicies().Set(ctx, &api.CheckPolicy{Name: "web"}))
		policy, _, err := s.c.CheckPolicies().Get(ctx, "web", nil)
		require.NoError(t, err)
		index = policy.ModifyIndex
	}
	id, session := s.identify(t, line)
	return strings.NewReplacer(
		"server-1.dc1", s.node+".dc1", "server-1", s.node, "server-2", s.node, "8b1e…", id, "$ID", session,
		"-modify-index=42", "-modify-index="+strconv.FormatUint(index, 10),
		"127.0.0.1:8600", s.dns, "10.0.0.1,10.0.0.2,10.0.0.3", s.addr, "10.0.0.3:8500", s.addr, "other:8500", s.addr,
		"10.0.0.2", "127.0.0.1:1", "10.0.0.3:8300", "127.0.0.1:1", "10.0.0.2:8300", "127.0.0.1:1",
		"/usr/local/share/man/man1", "man1", "/etc/registryd.d", "registryd.d", "/var/lib/registryd", "data",
		"-duration=1m", "-duration=50ms", "registryctl debug\n", "registryctl debug -duration=50ms\n",
	).Replace(line + "\n")
}

// identify returns the ID of what the line is about, and that of a session.
func (s *stage) identify(t *testing.T, line string) (id, session string) {
	t.Helper()
	ctx := t.Context()
	session, err := s.c.Sessions().Create(ctx, &api.SessionRequest{TTL: 30 * time.Second})
	require.NoError(t, err)
	switch strings.Fields(line)[1] {
	case "query":
		old, _, err := s.c.Queries().List(ctx, nil)
		require.NoError(t, err)
		for _, q := range old {
			require.NoError(t, s.c.Queries().Delete(ctx, q.ID))
		}
		if strings.Contains(line, "create") {
			return "", session
		}
		id, err = s.c.Queries().Create(ctx, &api.PreparedQuery{Name: "web-near", Service: api.ServiceQuery{Service: "web"}})
		require.NoError(t, err)
		return id, session
	case "operator":
		conf, err := s.c.Operator().RaftConfiguration(ctx, nil)
		require.NoError(t, err)
		return conf.Servers[0].ID, session
	}
	return session, session
}

// perform runs a line in a shell and returns its exit code and what it said.
func (s *stage) perform(t *testing.T, line string, endless bool) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out buffer
	if endless {
		line = "exec " + line
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, &out, &out
	require.NoError(t, cmd.Start(), line)
	ended := make(chan struct{})
	var failure error
	go func() { failure = cmd.Wait(); close(ended) }()
	if endless {
		file := filepath.Join(s.dir, "color.json")
		for done := false; !done; {
			_, err := os.Stat(file)
			done = out.String() != "" || err == nil && strings.Contains(line, "color.json")
			require.NoError(t, s.c.Agent().Reload(ctx), "%s: %s", line, out.String()) // something to log
		}
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
	}
	<-ended
	require.NoError(t, ctx.Err(), "%s did not end: %s", line, out.String())
	code, err := exitCode(failure)
	require.NoError(t, err, line)
	return code, out.String()
}

// playExamples runs every example of the help, as it stands there but for names
// and addresses. Afterwards the server is gone.
func playExamples(t *testing.T, addr, node string) {
	s := newStage(t, addr, node)
	codes := exampleCodes()
	_, noCurl := exec.LookPath("curl")
	code, said := s.perform(t, "registryctl snapshot save backup.snap", false)
	require.Zero(t, code, said)
	for _, line := range examples() {
		if strings.HasPrefix(line, "curl ") && noCurl != nil {
			continue
		}
		code, said := s.perform(t, s.set(t, line), endless(line))
		assert.Equal(t, codes[line], code, "%s: %s", line, said)
	}
}
