package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// program is an agent's registration with a server: an instance of web, its ID
// web unless it is given, with a check of the ID.
func program(server, address string, port int, id ...string) *Register {
	r := &Register{Node: server, SkipNodeUpdate: true, KeepStatus: true, Service: &api.Service{ID: "web", Service: "web", Address: address, Port: port}}
	if id != nil {
		r.Service.ID = id[0]
	}
	k := &api.Check{CheckID: "c-" + r.Service.ID, Name: "c", ServiceID: r.Service.ID, Status: api.Critical, Probe: &api.CheckDefinition{TTL: api.Duration(1e9)}}
	if len(id) > 1 {
		k.CheckID = id[1]
	}
	r.Checks = []*api.Check{k}
	return r
}

// passed is a heartbeat of the program's check.
func passed(node, check string) *UpdateChecks {
	return &UpdateChecks{Updates: []CheckUpdate{{node, check, api.Passing, "well", ""}}}
}

// where lists the instances of web with their nodes, origins and status.
func where(s *State) (l []string) {
	v, _ := s.Service("web")
	if v == nil {
		return nil
	}
	for _, i := range v.Instances {
		said := fmt.Sprintf("%s: %s %s:%d", i.Node.Node, i.Service.ID, i.Service.Address, i.Service.Port)
		if i.Service.Origin != "" {
			said += " of " + i.Service.Origin
		}
		if api.WorstStatus(i.OwnChecks) != api.Passing || len(i.OwnChecks) == 0 {
			said += " " + i.Status
		}
		l = append(l, said)
	}
	return l
}

func dies(server string) *Liveness { return &Liveness{Node: server, Output: "gone"} }

func lives(server string) *Liveness { return &Liveness{Node: server, Alive: true} }

// TestAProgramHasOneRecord registers programs with one and another server.
func TestAProgramHasOneRecord(t *testing.T) {
	tagged := program("s1", "10.9.9.9", 80)
	tagged.Service.Tags = []string{"new"}
	probed := program("s1", "10.9.9.9", 80)
	probed.Checks[0].Probe = &api.CheckDefinition{TTL: api.Duration(2e9)}
	unchecked := program("s1", "10.9.9.9", 80)
	unchecked.Checks, unchecked.ReplaceChecks = nil, true
	maintained := &Register{Node: "s2", SkipNodeUpdate: true, Checks: []*api.Check{{CheckID: "m", Name: "m", ServiceID: "web", Status: api.Warning}}}
	renamed := program("s1", "10.9.9.9", 80)
	renamed.Service.Service = "other"
	at2 := []Command{program("s2", "10.9.9.9", 80), passed("s2", "c-web")}
	hers := []Command{program("s1", "10.9.9.1", 80), passed("s1", "c-web")}
	join := func(l ...[]Command) (all []Command) {
		for _, c := range l {
			all = append(all, c...)
		}
		return all
	}
	for _, c := range []struct {
		name   string
		before []Command
		do     Command
		want   []string
		still  bool   // no index moves
		at     string // the server that the result names
	}{
		{"equal, with the same server", at2, program("s2", "10.9.9.9", 80), []string{"s2: web 10.9.9.9:80"}, true, ""},
		{"equal, with another server", at2, program("s1", "10.9.9.9", 80), []string{"s2: web 10.9.9.9:80"}, true, "s2"},
		{"another port", at2, program("s1", "10.9.9.9", 81), []string{"s1: web 10.9.9.9:81"}, false, ""},
		{"another tag", at2, tagged, []string{"s1: web 10.9.9.9:80"}, false, ""},
		{"another check", at2, probed, []string{"s1: web 10.9.9.9:80"}, false, ""},
		{"no check any more", at2, unchecked, []string{"s1: web 10.9.9.9:80 passing"}, false, ""},
		{"a check more that was registered by itself", join(at2, []Command{maintained}), program("s1", "10.9.9.9", 80), []string{"s2: web 10.9.9.9:80 warning"}, true, "s2"},
		{"another address is another program", at2, program("s1", "10.9.9.8", 80), []string{"s1: web 10.9.9.8:80 critical", "s2: web 10.9.9.9:80"}, false, ""},
		{"another name too", at2, renamed, []string{"s2: web 10.9.9.9:80"}, true, ""},
		{"no address too", []Command{program("s2", "", 80), passed("s2", "c-web")}, program("s1", "", 80), []string{"s1: web :80 critical", "s2: web :80"}, false, ""},
		{"so is the same port of another host's loopback", []Command{program("s2", "127.0.0.1", 80)}, program("s1", "127.0.0.1", 80),
			[]string{"s1: web 127.0.0.1:80 critical", "s2: web 127.0.0.1:80 critical"}, false, ""},
		{"its server is dead and kept it", join([]Command{program("s2", "10.0.0.2", 80), passed("s2", "c-web"), &Deregister{Node: "s2", CheckID: "c-web"}}, []Command{dies("s2")}),
			program("s1", "10.0.0.2", 80), []string{"s1: web 10.0.0.2:80 critical"}, false, ""},

		{"home again", join(at2, []Command{dies("s3"), dies("s2"), lives("s2")}), program("s2", "10.9.9.9", 80), []string{"s2: web 10.9.9.9:80"}, false, ""},
		{"home again with another port", join(at2, []Command{dies("s3"), dies("s2"), lives("s2")}), program("s2", "10.9.9.9", 81), []string{"s2: web 10.9.9.9:81"}, false, ""},
		{"home again with another address", join(at2, []Command{dies("s3"), dies("s2"), lives("s2")}), program("s2", "10.9.9.7", 81), []string{"s2: web 10.9.9.7:81"}, false, ""},
		{"home again without one", join(at2, []Command{dies("s3"), dies("s2"), lives("s2")}), program("s2", "", 80), []string{"s2: web :80"}, false, ""},
		{"handed over and equal elsewhere", join(at2, []Command{dies("s3"), dies("s2"), lives("s3")}), program("s3", "10.9.9.9", 80), []string{"s1: web 10.9.9.9:80 of s2"}, true, "s1"},
		{"with the heir it is the heir's", join(at2, []Command{dies("s3"), dies("s2"), lives("s2")}), program("s1", "10.9.9.9", 80), []string{"s1: web 10.9.9.9:80"}, true, ""},
		{"and is handed on", join(at2, []Command{dies("s3"), dies("s2"), lives("s2")}), dies("s1"), []string{"s2: web 10.9.9.9:80"}, false, ""},
		{"a catalog registration leaves it as it is", join(at2, []Command{dies("s3"), dies("s2")}),
			&Register{Node: "s1", SkipNodeUpdate: true, Service: program("", "10.9.9.9", 82).Service}, []string{"s1: web 10.9.9.9:82 of s2"}, false, ""},

		{"the heir's own ID: the guest gives way", join(at2, []Command{dies("s3"), dies("s2"), lives("s3")}), program("s1", "10.9.9.1", 80),
			[]string{"s1: web 10.9.9.1:80 critical", "s3: web 10.9.9.9:80 of s2"}, false, ""},
		{"the heir's own check ID", join(at2, []Command{dies("s3"), dies("s2"), lives("s3")}), program("s1", "10.9.9.1", 80, "web1", "c-web"),
			[]string{"s1: web1 10.9.9.1:80 critical", "s3: web 10.9.9.9:80 of s2"}, false, ""},
		{"a check of the heir's with its ID", join(at2, []Command{dies("s3"), dies("s2"), lives("s3")}),
			&Register{Node: "s1", SkipNodeUpdate: true, KeepStatus: true, Checks: []*api.Check{{CheckID: "c-web", Name: "c", Status: api.Warning}}},
			[]string{"s3: web 10.9.9.9:80 of s2"}, false, ""},
		{"equal, where the ID is another's", join(at2, hers), program("s1", "10.9.9.9", 80), []string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.9:80"}, true, "s2"},
		{"changed, where the ID is another's", join(at2, hers), program("s1", "10.9.9.9", 81), []string{"s1: web 10.9.9.1:80", "s2: web 10.9.9.9:81"}, false, "s2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			s.servers("s1", "s2", "s3")
			for _, cmd := range c.before {
				require.NoError(t, s.at(0, cmd).Err)
			}
			before, _ := s.State().Service("web")
			r := s.at(0, c.do)
			require.NoError(t, r.Err)
			require.Equal(t, c.at, string(r.Body))
			require.Equal(t, c.want, where(s.State()))
			after, _ := s.State().Service("web")
			require.Equal(t, c.still, before.HealthIndex == after.HealthIndex)
			require.Equal(t, c.still, !fired(before.Health.C()))
			s.reopen()
			require.Equal(t, c.want, where(s.State()))
		})
	}
}
