package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// TestWhatAFormerServerLeavesBehind removes a server, s3, and looks what is left
// of its node.
func TestWhatAFormerServerLeavesBehind(t *testing.T) {
	server := func(id string) *Register {
		r := instance("s3", ServerService, ServerService, check(api.SerfHealth, "", api.Passing))
		r.ID, r.Address, r.Service.Port, r.Service.Meta = id, "10.0.0.3", 8300, map[string]string{"version": "1"}
		return r
	}
	bound := program("s3", "", 80)
	script := program("s3", "10.9.9.9", 80)
	script.Checks[0].Probe = &api.CheckDefinition{Args: []string{"true"}, Interval: 1e9}
	disk := &Register{Node: "s3", SkipNodeUpdate: true, KeepStatus: true, Checks: []*api.Check{check("disk", "", api.Passing)}}
	kept := &ServerLeft{Node: "s3", Keep: true}
	const id = "3"
	for _, c := range []struct {
		name  string
		do    []Command
		node  []string // instances and checks of its node, nil: there is none
		where []string // the instances of web
		left  []string // the former servers
	}{
		{"nothing", []Command{dies("s3"), kept}, nil, nil, []string{"s3"}},
		{"what lives on has gone", []Command{program("s3", "10.9.9.9", 80), dies("s3"), kept}, nil, []string{"s1: web 10.9.9.9:80 of s3 critical"}, []string{"s3"}},
		{"what is bound to it", []Command{bound, dies("s3"), kept}, []string{"web", "c-web", "serfHealth"}, []string{"s3: web :80 critical"}, []string{"s3"}},
		{"a script", []Command{script, dies("s3"), kept}, []string{"web", "c-web", "serfHealth"}, []string{"s3: web 10.9.9.9:80 critical"}, []string{"s3"}},
		{"a check of its node", []Command{disk, dies("s3"), kept}, []string{"disk", "serfHealth"}, nil, []string{"s3"}},
		{"unless it left", []Command{bound, disk, dies("s3"), &ServerLeft{Node: "s3"}}, nil, nil, []string{"s3"}},
		{"or is pruned", []Command{bound, dies("s3"), &ServerLeft{Node: "s3", Keep: true, Prune: true}}, nil, nil, nil},
		{"it is told to leave later", []Command{bound, dies("s3"), kept, &ServerLeft{Node: "s3"}}, nil, nil, []string{"s3"}},
		{"its time is over", []Command{bound, dies("s3"), kept, &ServerLeft{Expire: []string{id, "nobody"}}}, nil, nil, nil},
		{"it is back", []Command{bound, dies("s3"), kept, server(id), &ServerLeft{Forget: []string{id}}}, []string{"consul", "web", "c-web", "serfHealth"}, []string{"s3: web :80 critical"}, nil},
		{"it is back when its time is over", []Command{bound, dies("s3"), kept, server(id), &ServerLeft{Expire: []string{id}}},
			[]string{"consul", "web", "c-web", "serfHealth"}, []string{"s3: web :80 critical"}, nil},
		{"it is back without its disk", []Command{bound, dies("s3"), kept, server("4"), &ServerLeft{Forget: []string{id}}},
			[]string{"consul", "web", "c-web", "serfHealth"}, []string{"s3: web :80 critical"}, nil},
		{"the last goes", []Command{bound, dies("s3"), kept, &Deregister{Node: "s3", ServiceID: "web"}}, nil, nil, []string{"s3"}},
		{"the last check goes", []Command{disk, dies("s3"), kept, &Deregister{Node: "s3", CheckID: "disk"}}, nil, nil, []string{"s3"}},
		{"the last but one goes", []Command{bound, disk, dies("s3"), kept, &Deregister{Node: "s3", ServiceID: "web"}}, []string{"disk", "serfHealth"}, nil, []string{"s3"}},
		{"it registers elsewhere", []Command{script, dies("s3"), kept, program("s2", "10.9.9.9", 80)}, nil, []string{"s2: web 10.9.9.9:80 critical"}, []string{"s3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			s.servers("s1", "s2")
			s.at(0, server(id))
			for _, cmd := range c.do {
				require.NoError(t, s.at(0, cmd).Err)
			}
			for range 2 {
				v, _ := s.State().Node("s3")
				var has, left []string
				if v != nil {
					for _, i := range v.Instances {
						has = append(has, i.Service.ID)
					}
					for _, k := range v.Checks {
						has = append(has, k.CheckID)
					}
					require.Contains(t, s.State().AgentNodes(), v)
					require.Equal(t, v.Alive(), v.Instance(ServerService) != nil)
				}
				require.Equal(t, c.node, has)
				require.Equal(t, c.where, where(s.State()))
				for _, f := range s.State().FormerServers() {
					left = append(left, f.Name)
					require.Equal(t, 8300, f.Port)
				}
				require.Equal(t, c.left, left)
				s.reopen()
			}
		})
	}
}

// One that is forgotten for others is so with what was kept of it.
func TestKeptNodesAreBounded(t *testing.T) {
	s := openTest(t)
	for i := range maxFormer + 3 {
		name := fmt.Sprintf("m%03d", i)
		r := instance(name, ServerService, ServerService, check(api.SerfHealth, "", api.Critical))
		r.ID = name
		s.batch(r, program(name, "", 80), &ServerLeft{Node: name, Keep: true})
	}
	require.Len(t, s.State().FormerServers(), maxFormer)
	require.Equal(t, maxFormer, s.State().NodeCount())
}
