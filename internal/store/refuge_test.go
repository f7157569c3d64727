package store

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// each is the same program's registration, and a heartbeat of it, with several
// servers, at 10.9.9.N.
func each(port int, servers ...string) (l []Command) {
	for _, n := range servers {
		l = append(l, program(n, "10.9.9."+n[1:], port), passed(n, "c-web"))
	}
	return l
}

// TestNobodyVanishes fails servers whose instances no other can take.
func TestNobodyVanishes(t *testing.T) {
	all := slices.Clip(each(80, "s1", "s2", "s3"))
	checkIDs := []Command{program("s1", "10.9.9.1", 80, "a", "health"), passed("s1", "health"), program("s2", "10.9.9.2", 80, "b", "health"), passed("s2", "health")}
	for _, c := range []struct {
		name  string
		do    []Command
		want  []string
		nodes []string // beside the servers
	}{
		{"all have the ID", append(all, dies("s3")),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3-handed-over: web 10.9.9.3:80 of s3"}, []string{"s3-handed-over"}},
		{"all have the ID of the check", append(checkIDs, program("s3", "10.9.9.3", 80, "c", "health"), passed("s3", "health"), dies("s3")),
			[]string{"s1: a 10.9.9.1:80", "s2: b 10.9.9.2:80", "s3-handed-over: c 10.9.9.3:80 of s3"}, []string{"s3-handed-over"}},
		{"a second one joins it", append(checkIDs, program("s3", "10.9.9.3", 80, "c", "health"), passed("s3", "health"),
			program("s3", "10.9.9.4", 80, "a"), passed("s3", "c-a"), program("s2", "10.9.9.5", 80, "a"), passed("s2", "c-a"), dies("s3")),
			[]string{"s1: a 10.9.9.1:80", "s2: a 10.9.9.5:80", "s2: b 10.9.9.2:80", "s3-handed-over: a 10.9.9.4:80 of s3", "s3-handed-over: c 10.9.9.3:80 of s3"},
			[]string{"s3-handed-over"}},
		{"two servers fail", append(all, dies("s3"), dies("s2")),
			[]string{"s1: web 10.9.9.1:80", "s2-handed-over: web 10.9.9.2:80 of s2", "s3-handed-over: web 10.9.9.3:80 of s3"}, []string{"s2-handed-over", "s3-handed-over"}},
		{"the name is somebody's", append(all, &Register{Node: "S3-handed-over", Address: "10.0.0.9", Datacenter: "dc1"}, dies("s3")),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3-handed-over-2: web 10.9.9.3:80 of s3"}, []string{"S3-handed-over", "s3-handed-over-2"}},
		{"its server is back: it stays until it registers", append(all, dies("s3"), lives("s3")),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3-handed-over: web 10.9.9.3:80 of s3"}, []string{"s3-handed-over"}},
		{"it registers with its server", append(all, dies("s3"), lives("s3"), program("s3", "10.9.9.3", 80)),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3: web 10.9.9.3:80"}, nil},
		{"at another address", append(all, dies("s3"), lives("s3"), program("s3", "10.9.9.33", 81)),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3: web 10.9.9.33:81"}, nil},
		{"it registers where another has its ID", append(all, dies("s3"), program("s1", "10.9.9.3", 81)),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3-handed-over: web 10.9.9.3:81 of s3"}, []string{"s3-handed-over"}},
		{"and where nobody has", append(all, dies("s3"), &Deregister{Node: "s1", ServiceID: "web"}, program("s1", "10.9.9.3", 80)),
			[]string{"s1: web 10.9.9.3:80", "s2: web 10.9.9.2:80"}, nil},
		{"where only the check's ID is free", append(checkIDs, program("s3", "10.9.9.3", 80, "c", "health"), passed("s3", "health"), dies("s3"), program("s1", "10.9.9.3", 80, "c", "c-health")),
			[]string{"s1: a 10.9.9.1:80", "s1: c 10.9.9.3:80 critical", "s2: b 10.9.9.2:80"}, nil},
		{"it is deregistered", append(all, dies("s3"), &Deregister{Node: "s3-handed-over", ServiceID: "web"}),
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80"}, nil},
		{"the heir's own program comes, and the other's too", []Command{program("s3", "10.9.9.3", 80), passed("s3", "c-web"), dies("s3"), program("s1", "10.9.9.1", 80), passed("s1", "c-web"),
			program("s2", "10.9.9.2", 80), passed("s2", "c-web")},
			[]string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.2:80", "s3-handed-over: web 10.9.9.3:80 of s3"}, []string{"s3-handed-over"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			s.servers("s1", "s2", "s3")
			for _, cmd := range c.do {
				require.NoError(t, s.at(0, cmd).Err)
			}
			for range 2 {
				require.Equal(t, c.want, where(s.State()))
				var nodes, refuges []string
				s.State().Nodes(func(v *NodeView) bool {
					if !slices.Contains([]string{"s1", "s2", "s3"}, v.Node.Node) {
						nodes = append(nodes, v.Node.Node)
					}
					return true
				})
				require.Equal(t, c.nodes, nodes)
				for _, v := range s.State().AgentNodes()[3:] {
					refuges = append(refuges, v.Node.Node)
					require.Nil(t, v.Check(api.SerfHealth))
					for _, k := range v.Checks {
						require.Contains(t, s.State().LiveServers(), s.State().Owner(v, k))
					}
				}
				require.Equal(t, slices.DeleteFunc(nodes, func(n string) bool { return n == "S3-handed-over" }), refuges)
				s.reopen()
			}
		})
	}
}

// A watcher of the healthy instances sees the same ones before and after.
func TestRefugeLeavesNoGap(t *testing.T) {
	s := openTest(t)
	s.servers("s1", "s2", "s3")
	s.keepHistory(100, 0)
	for _, c := range each(80, "s1", "s2", "s3") {
		s.at(0, c)
	}
	s.at(0, dies("s3"))
	v, _ := s.State().Service("web")
	for _, i := range v.Instances {
		require.Equal(t, api.Passing, i.Status, i.Node.Node)
	}
	node, _ := s.State().Node("s3-handed-over")
	require.Equal(t, map[string]string{"handed-over-from": "s3"}, node.Node.Meta)
	require.Equal(t, "10.0.0.3", node.Node.Address)
	require.Equal(t, "dc1", node.Node.Datacenter)
	s.at(0, lives("s3"))
	s.at(0, program("s3", "10.9.9.3", 80))
	require.Equal(t, []string{
		"11 registered s3-handed-over", "11 moved s3-handed-over web [s3→s3-handed-over]: its server failed",
		"13 moved s3 web [s3-handed-over→s3]: it registered here again", "13 removed s3-handed-over: the last it was there for went",
	}, said(past(s.State(), HistoryScope{node: "s3-handed-over"})))
}
