package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestHostOfATarget(t *testing.T) {
	for target, want := range map[string]string{
		"http://localhost:8080/health": "localhost", "https://a.b": "a.b", "http://u:p@10.0.0.1/x@y": "10.0.0.1", "http://[::1]:80/?q=1:2": "::1",
		"10.0.0.1:80": "10.0.0.1", "[::1]:80": "::1", "::1": "::1", "host": "host", "10.0.0.1:50051/my.Service": "10.0.0.1", "http://h?x": "h", "": "", ":80": "", "[": "",
	} {
		require.Equal(t, want, hostOf(target), target)
	}
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost.": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"10.0.0.1": false, "": false, "notlocalhost": false, "128.0.0.1": false, "::2": false, "localhost.example": false,
	} {
		require.Equal(t, want, loopback(host), host)
	}
}

// TestWhatOutlivesItsServer fails one of three servers and looks what became of
// an instance that was registered through it.
func TestWhatOutlivesItsServer(t *testing.T) {
	every := api.Duration(10 * time.Second)
	probe := func(d api.CheckDefinition) *api.CheckDefinition { d.Interval = every; return &d }
	ttl := &api.CheckDefinition{TTL: every}
	const script, local = "a script cannot be run elsewhere", "a check of a loopback address cannot be run elsewhere"
	for _, c := range []struct {
		name    string
		server  string // its address
		address string // of the instance
		probes  []*api.CheckDefinition
		moves   bool
		says    []string // the end of each check's output once the server has failed, empty: as before
	}{
		{"an address of its own", "10.0.0.1", "10.9.9.9", nil, true, nil},
		{"and a TTL", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{ttl}, true, []string{""}},
		{"and a check of that address", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{HTTP: "http://10.9.9.9/"})}, true, []string{""}},
		{"no address", "10.0.0.1", "", []*api.CheckDefinition{ttl}, false, []string{""}},
		{"the server's, without a check", "10.0.0.1", "10.0.0.1", nil, false, nil},
		{"the server's, with a check", "10.0.0.1", "10.0.0.1", []*api.CheckDefinition{ttl}, true, []string{""}},
		{"a loopback address is the server's", "10.0.0.1", "127.0.0.1", nil, false, nil},
		{"but a heartbeat tells", "10.0.0.1", "127.0.0.1", []*api.CheckDefinition{ttl}, true, []string{""}},
		{"servers that share a host", "127.0.0.1", "127.0.0.1", []*api.CheckDefinition{probe(api.CheckDefinition{HTTP: "http://127.0.0.1:80/"})}, true, []string{""}},
		{"the same without a check", "127.0.0.1", "127.0.0.2", nil, true, nil},
		{"a script", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{Args: []string{"true"}})}, false, []string{script}},
		{"a script among others", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{ttl, probe(api.CheckDefinition{Args: []string{"true"}})}, false, []string{"", script}},
		{"a script on a shared host", "127.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{Args: []string{"true"}})}, false, []string{script}},
		{"a container", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{DockerContainerID: "c", Args: []string{"true"}})}, false, []string{script}},
		{"a service of the host", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{OSService: "sshd"})}, false, []string{"operating system cannot be run elsewhere"}},
		{"a loopback URL", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{HTTP: "http://localhost:80/"})}, false, []string{local}},
		{"a loopback port", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{TCP: "127.0.0.1:80"})}, false, []string{local}},
		{"UDP", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{UDP: "[::1]:80"})}, false, []string{local}},
		{"gRPC", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{GRPC: "127.0.0.1:80/svc"})}, false, []string{local}},
		{"HTTP/2", "10.0.0.1", "10.9.9.9", []*api.CheckDefinition{probe(api.CheckDefinition{H2PING: "localhost:80"})}, false, []string{local}},
		{"a loopback check of what stays anyway", "10.0.0.1", "", []*api.CheckDefinition{probe(api.CheckDefinition{TCP: "127.0.0.1:80"})}, false, []string{local}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			s.servers("s1", "s2", "s3")
			home := instance("s1", ServerService, ServerService, check(api.SerfHealth, "", api.Passing))
			home.Address = c.server
			s.at(0, home)
			r := instance("s1", "web", "w1")
			r.SkipNodeUpdate, r.Service.Address = true, c.address
			for i, p := range c.probes {
				id := string(rune('a' + i))
				r.Checks = append(r.Checks, &api.Check{CheckID: id, Name: id, ServiceID: "w1", Status: api.Passing, Output: "fine", Probe: p})
			}
			s.at(0, r)
			for range 2 {
				s.at(0, &Liveness{Node: "s1", Output: "gone"})
				v, _ := s.State().Service("web")
				require.Len(t, v.Instances, 1)
				inst := v.Instances[0]
				require.Equal(t, c.moves, inst.Node.Node != "s1")
				require.Equal(t, c.moves, inst.Status == api.Passing)
				n, _ := s.State().Node(inst.Node.Node)
				for i, says := range c.says {
					k := inst.OwnChecks[i]
					if says == "" {
						require.Equal(t, "passing fine", k.Status+" "+k.Output)
						require.NotEmpty(t, s.State().Owner(n, k))
						continue
					}
					require.Equal(t, api.Critical, k.Status)
					require.Contains(t, k.Output, "server s1, which ran this check, failed; ")
					require.Contains(t, k.Output, says)
					require.Empty(t, s.State().Owner(n, k), "nobody else may run it")
					require.Equal(t, []CheckUpdate{{"s1", k.CheckID, api.Passing, "", ""}}, refused(s, "s2", k.CheckID))
				}
				s.reopen()
			}
			s.at(0, &Liveness{Node: "s1", Alive: true})
			for i, says := range c.says {
				if says != "" {
					id := string(rune('a' + i))
					require.Equal(t, api.Critical, s.check("s1", id).Status, "until its server has looked")
					require.Empty(t, refused(s, "s1", id))
					require.Equal(t, api.Passing, s.check("s1", id).Status)
				}
			}
		})
	}
}

// refused reports a check of s1 as passing and returns what was dropped.
func refused(s *testStore, from, id string) []CheckUpdate {
	s.t.Helper()
	u := &UpdateChecks{From: from, Updates: []CheckUpdate{{"nobody", id, api.Passing, "", ""}, {"s1", id, api.Passing, "", ""}}}
	r := s.at(0, u)
	require.NoError(s.t, r.Err)
	return u.DroppedUpdates(r)
}

func TestNobodyCountsWhileNobodyLooks(t *testing.T) {
	s := openTest(t)
	s.servers("s1", "s2", "s3")
	r := instance("s1", "web", "w1", &api.Check{CheckID: "a", Name: "a", ServiceID: "w1", Status: api.Passing,
		Probe: &api.CheckDefinition{Args: []string{"false"}, Interval: api.Duration(time.Second), DeregisterCriticalServiceAfter: api.Duration(time.Minute)}})
	r.SkipNodeUpdate, r.Service.Address = true, "10.9.9.9"
	s.at(0, r)
	crit := &UpdateChecks{From: "s1", Updates: []CheckUpdate{{"s1", "a", api.Critical, "no", ""}}}
	s.at(0, crit)
	require.Len(t, s.due(), 1)
	s.at(30*time.Second, &Liveness{Node: "s1", Output: "gone"})
	require.Empty(t, s.due())
	s.at(time.Hour, &Liveness{Node: "s1", Alive: true})
	require.Empty(t, s.due())
	s.at(time.Hour, crit)
	require.Equal(t, map[string]time.Duration{"a": time.Hour + time.Minute}, s.due())
}
