//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// build compiles a command of this module.
func build(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles the programs")
	}
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("go", "build", "-tags", "hashicorpmetrics", "-o", path, "../"+name).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// freePorts returns ports that nobody listens on just now.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports
}

// realServer starts a server and returns its address. Others may run servers on
// this machine, so it is used only if it says its own name.
func realServer(t *testing.T, extra ...string) string {
	t.Helper()
	binary := build(t, "registryd")
	for try := range 3 {
		ports := freePorts(t, 4)
		addr, name := "127.0.0.1:"+ports[0], fmt.Sprintf("cli-%d-%d", os.Getpid(), try)
		var log buffer
		cmd := exec.Command(binary, append([]string{"-dev", "-node=" + name, "-http-port=" + ports[0], "-dns-port=" + ports[1],
			"-server-port=" + ports[2], "-serf-lan-port=" + ports[3]}, extra...)...)
		cmd.Stdout, cmd.Stderr = &log, &log
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		t.Cleanup(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				_ = cmd.Process.Kill()
				<-ended
				t.Errorf("server did not end: %s", log.String())
			}
		})
		if answersAs(t, addr, name, ended) {
			return addr
		}
		t.Logf("server did not come up, next ports: %s", log.String())
	}
	t.Fatal("no server could be started")
	return ""
}

// answersAs waits until the server of that name leads at addr, or ended.
func answersAs(t *testing.T, addr, name string, ended <-chan struct{}) bool {
	t.Helper()
	c, err := api.New(api.Config{Addresses: []string{addr}, IgnoreEnv: true})
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		self, err := c.Agent().Self(ctx)
		if err == nil && self.Config.NodeName == name {
			if leader, err := c.Status().Leader(ctx); err == nil && leader != "" {
				return true
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// TestAgainstARealServer tells one story, in order.
func TestAgainstARealServer(t *testing.T) {
	addr := realServer(t, "-hcl=connect { enabled = true }")
	dir := t.TempDir()
	ok := func(args ...string) string {
		t.Helper()
		o := call(t, addr, args...)
		require.Zero(t, o.code, "%v: %s", args, o.stderr)
		return o.stdout
	}
	fails := func(code int, args ...string) string {
		t.Helper()
		o := call(t, addr, args...)
		require.Equal(t, code, o.code, "%v: %s", args, o.stderr)
		return o.stderr
	}
	node := strings.Fields(strings.Split(ok("members"), "\n")[1])[0]

	t.Run("services", func(t *testing.T) {
		file := filepath.Join(dir, "web.hcl")
		require.NoError(t, os.WriteFile(file, []byte(`service { name = "web" id = "web-1" port = 80 tags = ["v1"] check { ttl = "30s" } }`), 0o600))
		ok("services", "register", file)
		ok("services", "register", "-name=web", "-id=web-2", "-address=10.0.0.2", "-port=81", "-tag=v2", "--check-ttl=30s")
		require.Equal(t, "127.0.0.1:80\n10.0.0.2:81\n", ok("lookup", "web", "-near=_agent"))
		require.Contains(t, fails(2, "lookup", "web", "-passing"), "passes its checks")
		ok("checks", "pass", "service:web-1", "-note=hello")
		require.Equal(t, "127.0.0.1:80\n", ok("lookup", "web", "-passing"))
		require.Equal(t, "10.0.0.2:81\n", ok("lookup", "web", "-tag=v2"))
		require.Contains(t, ok("catalog", "services", "-tags"), "web     v1,v2\n")
		require.Contains(t, ok("catalog", "nodes", "-service=web"), node)
		require.Contains(t, ok("services", "list", "web", "-local"), "web-2")
		require.Contains(t, ok("checks", "web"), "hello")
		require.Contains(t, ok("health"), "web      2          1        0        1         0\n")
		ok("maint", "-enable", "-service=web-1", "-reason=because")
		require.Contains(t, ok("maint"), "Reason: because")
		require.Contains(t, ok("health", "web"), "maintenance")
		ok("maint", "-disable", "-service=web-1")
		require.Empty(t, ok("maint"))
		require.Contains(t, fails(1, "services", "deregister", "-id=nope"), "nope")
		ok("services", "deregister", "-id=web-2")
		ok("services", "deregister", file)
		fails(2, "lookup", "web")
	})
	t.Run("lookup by DNS", func(t *testing.T) {
		ok("services", "register", "-name=named", "-id=n1", "-address=10.1.0.1", "-port=81", "-tag=v1")
		ok("services", "register", "-name=named", "-id=n2", "-address=10.1.0.2", "-port=82")
		ok("services", "register", "-name=named", "-id=n3", "-address=10.1.0.3", "-port=83", "--check-ttl=30s")
		sorted := func(args ...string) []string {
			found := strings.Fields(ok(append([]string{"lookup"}, args...)...))
			slices.Sort(found)
			return found
		}
		require.Equal(t, []string{"10.1.0.1:81", "10.1.0.2:82"}, sorted("named", "-dns"))
		require.Equal(t, []string{"10.1.0.1:81"}, sorted("named", "-dns", "-tag=v1", "-datacenter=dc1"))
		require.Equal(t, []string{"10.1.0.1", "10.1.0.2"}, sorted("named", "-dns", "-dns-type=A"))
		require.Equal(t, []string{"10.1.0.1:81", "10.1.0.2:82"}, sorted("named.service.consul.", "-dns"))
		require.Contains(t, ok("lookup", "named", "-dns", "-tag=v1", "-o", "json"), `"Port": 81`)
		require.Contains(t, fails(2, "lookup", "nothing", "-dns"), "no SRV record of nothing.service.consul. at 127.0.0.1:")
		require.Contains(t, fails(1, "lookup", "example.org.", "-dns"), "REFUSED")
		for i := range 60 { // more than a packet holds
			ok("services", "register", "-name=many", fmt.Sprintf("-id=m%d", i), fmt.Sprintf("-address=10.2.0.%d", i), "-port=90")
		}
		require.Len(t, sorted("many", "-dns"), 60)
	})
	t.Run("why", func(t *testing.T) {
		ok("services", "register", "-name=sick", "-id=s1", "-port=1", "--check-ttl=30s")
		ok("services", "register", "-name=sick", "-id=s2", "-port=2")
		ok("checks", "fail", "service:s1", "-note=disk full")
		for _, name := range []string{"sick", "sick/s1"} {
			said := ok("why", name)
			require.Contains(t, said, "sick/s1 on "+node+" at 127.0.0.1:1 is critical: 1 of 2 checks do not pass")
			require.Contains(t, said, "disk full")
			require.Contains(t, said, "server "+node+" watches the time")
			require.Contains(t, said, "registryctl checks pass service:s1")
			require.NotContains(t, said, "sick/s2")
		}
		ok("checks", "pass", "service:s1")
		require.Equal(t, "all 2 instances of sick pass their checks\n", ok("why", "sick"))
		ok("maint", "-enable", "-service=s2", "-reason=repairs")
		require.Contains(t, ok("why", "sick"), "registryctl maint -disable -service=s2")
		ok("maint", "-disable", "-service=s2")
		require.Contains(t, fails(2, "why", "sick/s3"), `service "sick" has no instance "s3"`)
		require.Contains(t, fails(2, "why", "healthy"), `no instance of "healthy" is registered`)
		require.Contains(t, ok("__complete", "why", "sick/"), "sick/s1\nsick/s2\n")
		ok("services", "deregister", "-id=s1")
		ok("services", "deregister", "-id=s2")
	})
	t.Run("who runs what", func(t *testing.T) {
		ok("services", "register", "-name=ran", "-id=r1", "-port=1", "--check-ttl=30s")
		defer ok("services", "deregister", "-id=r1")
		for !strings.Contains(ok("why", "ran"), "no heartbeat since this server runs it; the TTL of 30s ends in ") {
			require.NoError(t, t.Context().Err()) // it begins to run it at any moment
		}
		ok("checks", "pass", "service:r1", "-note=well")
		require.Regexp(t, node+` +service:r1 +passing +`+node+` +[0-9.]+.?s ago +- +in (29|30)[.0-9]*s`, ok("checks", "ran", "-owner"))
		said := ok("why", "ran/r1")
		require.Contains(t, said, "server "+node+" watches the time")
		require.Regexp(t, `last run +[0-9.]+.?s ago; the TTL of 30s ends in `, said)
		require.Contains(t, ok("__complete", "checks", "pass", "service:r"), "service:r1\n")
	})
	t.Run("watch", func(t *testing.T) {
		s := start(t, addr, "watch", "live")
		s.stderr.eventually(t, "no instance")
		ok("services", "register", "-name=live", "-id=l1", "-port=1", "--check-ttl=30s")
		s.stdout.eventually(t, "came     l1 on "+node+" at 127.0.0.1:1  critical")
		ok("checks", "pass", "service:l1")
		s.stdout.eventually(t, "state    l1 on "+node+" at 127.0.0.1:1  critical -> passing")
		ok("services", "deregister", "-id=l1")
		s.stdout.eventually(t, "went     l1")
		s.stop()
		require.Zero(t, s.end())
	})
	t.Run("watches of every type", func(t *testing.T) {
		ok("services", "register", "-name=seen", "-id=s1", "-port=7", "--check-ttl=30s")
		defer ok("services", "deregister", "-id=s1")
		ok("kv", "put", "seen/a", "1")
		ok("event", "-name=seen", "payload")
		for _, c := range []struct{ flags, want string }{
			{"-type=service -service=seen", `"ID": "s1"`},
			{"-type=service -service=seen -passingonly=true", "[]\n"},
			{"-type=checks -service=seen", `"CheckID": "service:s1"`},
			{"-type=checks -state=critical", `"CheckID": "service:s1"`},
			{"-type=checks", `"CheckID": "serfHealth"`},
			{"-type=services", `"seen": [`},
			{"-type=nodes", `"Node": "` + node + `"`},
			{"-type=key -key=seen/a", `"Value": "MQ=="`},
			{"-type=key -key=seen/nothing", "null\n"},
			{"-type=keyprefix -prefix=seen/", `"Key": "seen/a"`},
			{"-type=event -name=seen", `"Name": "seen"`},
			{"-type=connect_roots", `"ActiveRootID"`},
			{"-type=connect_leaf -service=seen", `"Service": "seen"`},
		} {
			require.Contains(t, ok(append([]string{"watch"}, strings.Fields(c.flags)...)...), c.want, c.flags)
		}
		s := start(t, addr, "watch", "-type=connect_leaf", "-service=seen", `read line; echo "leaf $line"`)
		s.stdout.eventually(t, `leaf {"SerialNumber"`)
		s.stop()
		require.Zero(t, s.end())
		s = start(t, addr, "watch", "-type=event", "-name=seen", `read line; echo "got $line"`)
		s.stdout.eventually(t, "got [{")
		ok("event", "-name=seen", "more")
		s.stdout.eventually(t, `"Payload":"bW9yZQ=="`)
		require.Equal(t, 1, strings.Count(s.stdout.String(), "cGF5bG9hZA=="), "an event is told once")
		s.stop()
		require.Zero(t, s.end())
	})
	t.Run("keys", func(t *testing.T) {
		ok("kv", "put", "app/color", "green")
		require.Equal(t, "green\n", ok("kv", "get", "app/color"))
		fails(1, "kv", "put", "-cas", "-modify-index=1", "app/color", "blue")
		fails(1, "kv", "put", "-cas", "app/color", "blue")
		ok("kv", "put", "-cas", "app/size", "3")
		require.Equal(t, "app/color\napp/size\n", ok("kv", "get", "-keys", "app/"))
		require.Equal(t, "app/color:green\napp/size:3\n", ok("kv", "get", "-recurse", "app/"))
		exported := ok("kv", "export", "app/")
		ok("kv", "delete", "-recurse", "app/")
		fails(1, "kv", "get", "app/color")
		require.Zero(t, callWith(t, exported, addr, "kv", "import", "-").code)
		require.Equal(t, exported, ok("kv", "export", "app/"))
	})
	t.Run("sessions and locks", func(t *testing.T) {
		id := strings.TrimSpace(ok("session", "create", "-name=job", "-ttl=30s", "-lock-delay=0s"))
		require.Contains(t, ok("session", "list"), id)
		ok("session", "renew", id)
		ok("kv", "put", "-acquire", "-session="+id, "lead", "me")
		require.Contains(t, ok("kv", "get", "-detailed", "lead"), "Session          "+id)
		ok("kv", "put", "-release", "-session="+id, "lead")
		ok("session", "destroy", id)
		require.Contains(t, fails(2, "session", "info", id), "no session")

		require.Equal(t, "true\n", ok("lock", "jobs/a", "echo $CONSUL_LOCK_HELD"))
		fails(7, "lock", "jobs/a", "exit 7")
		require.Equal(t, "x\n", ok("lock", "-n=2", "jobs/s", "--", "echo", "x"))
		s := start(t, addr, "lock", "jobs/a", "echo ready; sleep 60")
		s.stdout.eventually(t, "ready")
		require.Contains(t, fails(1, "lock", "-try=300ms", "jobs/a", "true"), "not free")
		s.stop()
		require.Equal(t, 128+int(syscall.SIGTERM), s.end())
		ok("lock", "-try=5s", "jobs/a", "true")
	})
	t.Run("events and queries", func(t *testing.T) {
		ok("event", "-name=deploy", "v1")
		require.Contains(t, ok("event", "list", "deploy"), "v1")
		ok("services", "register", "-name=web", "-port=80")
		id := strings.TrimSpace(ok("query", "create", "-name=q", "-service=web"))
		require.Equal(t, "127.0.0.1:80\n", ok("query", "execute", "q"))
		require.Contains(t, ok("query", "explain", "q"), id)
		require.Contains(t, ok("query", "get", id), `"Name": "q"`)
		require.Contains(t, ok("query", "list"), id)
		ok("query", "update", id, "-name=q2", "-service=web")
		fails(2, "query", "execute", "q")
		ok("query", "delete", id)
		require.Empty(t, ok("query", "list"))
	})
	t.Run("config entries", func(t *testing.T) {
		file := filepath.Join(dir, "policy.hcl")
		require.NoError(t, os.WriteFile(file, []byte("kind = \"check-policy\"\nname = \"web\"\ndamping { max_hold = \"20m\" }\nguard { share = 0.25 }"), 0o600))
		ok("config", "write", "-cas", file)
		require.Contains(t, ok("config", "list", "-kind=check-policy"), "web   over 5 changes in 1m: held 30s to 20m  over 25% critical: kept 5m\n")
		read := ok("config", "read", "-kind", "check-policy", "-name", "web")
		require.Contains(t, read, `"MaxHold": "20m0s"`)
		require.Zero(t, callWith(t, strings.Replace(read, "0.25", "0.75", 1), addr, "config", "write", "-").code, "what was read can be written")
		require.Contains(t, ok("config", "list", "-kind=check-policy"), "over 75% critical")
		require.Contains(t, fails(1, "config", "write", "-cas", file), "there is one already")
		require.Contains(t, fails(1, "config", "delete", "-cas", "-modify-index=1", "-filename="+file), "not deleted")
		o := callWith(t, `Kind = "service-router" Name = "web"`, addr, "config", "write", "-")
		require.Contains(t, o.stderr, "belong to the service mesh, which is not part of this server (registryd keeps check-policy, ")
		require.Contains(t, fails(1, "config", "list", "-kind=spaceship"), "(registryd keeps check-policy, ")
		ok("config", "delete", "-filename="+file)
		ok("config", "delete", "-filename="+file)
		fails(1, "config", "read", "-kind=check-policy", "-name=web")
		require.Empty(t, ok("config", "list", "-kind=check-policy"))
		require.Equal(t, "[]\n", ok("config", "list", "-kind=check-policy", "-o", "json"))
	})
	t.Run("operator", func(t *testing.T) {
		require.Contains(t, ok("operator", "raft", "list-peers"), "leader")
		ok("operator", "autopilot", "set-config", "-max-trailing-logs=123")
		require.Contains(t, ok("operator", "autopilot", "get-config"), "MaxTrailingLogs = 123\n")
		require.Contains(t, ok("operator", "autopilot", "state"), "Leader:")
		require.Contains(t, ok("operator", "usage"), "dc1")
		require.Contains(t, ok("info"), "raft:\n")
		ok("reload")
		fails(1, "operator", "raft", "remove-peer", "-id=nope")
		fails(1, "operator", "raft", "transfer-leader")
	})
	t.Run("top", func(t *testing.T) {
		ok("services", "register", "-name=slow", "-port=1", "--check-ttl=30s")
		said := ok("top", "-once", "-interval=20ms")
		require.Contains(t, said, "leader "+node)
		require.Regexp(t, `slow +slow +`+node+` +critical +service:slow`, said)
		require.Contains(t, ok("top", "-once", "-interval=20ms", "-o", "json"), `"Leader":"`+node+`"`)
		w := start(t, addr, "watch", "slow")
		for !strings.Contains(ok("top", "-once", "-interval=20ms"), "  1 watcher  ") {
			require.NoError(t, t.Context().Err())
		}
		w.stop()
		require.Zero(t, w.end())
		ok("services", "deregister", "-id=slow")
	})
	t.Run("doctor", func(t *testing.T) {
		said := ok("doctor", "-data-dir="+dir)
		for _, want := range []string{
			node + " answers after", "1.16.4:registryd on " + node, "server port of " + node, "1 voter\n",
			"none: writes stop when a server fails", "answers for consul\n", "syncs in " + dir, "Verdict: it works, but see to the above\n",
		} {
			require.Contains(t, said, want)
		}
		require.NotContains(t, said, " bad ")
		o := call(t, addr, "doctor", "-http-addr=127.0.0.1:1,"+addr)
		require.Equal(t, exitFailed, o.code)
		require.Contains(t, o.stdout, "does not answer")
		require.Empty(t, o.stderr)
	})
	t.Run("snapshot", func(t *testing.T) {
		file := filepath.Join(dir, "a.snap")
		ok("kv", "put", "kept", "before")
		require.Contains(t, ok("snapshot", "save", file), "Saved and verified snapshot to index ")
		require.Contains(t, ok("snapshot", "inspect", file), "Index ")
		ok("kv", "put", "kept", "after")
		ok("snapshot", "restore", file)
		require.Equal(t, "before\n", ok("kv", "get", "kept"))
	})
	t.Run("debug and monitor", func(t *testing.T) {
		name := filepath.Join(dir, "bundle")
		require.NotContains(t, ok("debug", "-duration=100ms", "-output="+name), "not collected: members")
		require.Contains(t, unpack(t, name+".tar.gz")["bundle/members.json"], node)
		s := start(t, addr, "monitor", "-log-level=debug")
		// What is logged before the stream is open does not show in it.
		for try := 0; !strings.Contains(s.stdout.String(), "service=noisy"); try++ {
			require.Less(t, try, 500)
			ok("services", "register", "-name=noisy")
			ok("services", "deregister", "-id=noisy")
		}
		s.stop()
		require.Zero(t, s.end())
	})
	t.Run("examples", func(t *testing.T) { playExamples(t, addr, node) })
}

// The program itself must end a lock's command when it is told to end, and
// hand its exit code on.
func TestTheProgram(t *testing.T) {
	s := newLockServer(t)
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(binary, "lock", "a", `trap "exit 3" INT TERM; echo ready; while :; do sleep 0.01; done`)
	cmd.Env = append(os.Environ(), asProgram+"=yes", "GORACE=atexit_sleep_ms=0", "CONSUL_HTTP_ADDR="+s.URL)
	var out buffer
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	out.eventually(t, "ready")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	err = cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.ExitCode())
	require.Empty(t, s.holder("a/.lock"))
}
