package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func policy(name string, damping *api.CheckDamping, guard *api.CheckGuard) *SetConfigEntry {
	body, err := json.Marshal(map[string]any{"Damping": damping, "Guard": guard})
	if err != nil {
		panic(err)
	}
	return &SetConfigEntry{Entry: ConfigEntry{Kind: api.CheckPolicyKind, Name: name, Body: body}}
}

func seconds(n int) api.Duration { return api.Duration(time.Duration(n) * time.Second) }

// shown is a check's status, what it is held or guarded until in seconds, and
// what was seen.
func (s *testStore) shown(id string) string {
	k := s.check("n1", id)
	if k == nil {
		return "gone"
	}
	out := k.Status[:1]
	until := func(at int64) int { return int(time.Unix(0, at).Sub(dawn) / time.Second) }
	if v := k.Verdict; v != nil && v.HeldUntil != 0 {
		out += fmt.Sprintf(" held %d %s", until(v.HeldUntil), v.Observed[:1])
	} else if v != nil && v.GuardedUntil != 0 {
		out += fmt.Sprintf(" guarded %d %s", until(v.GuardedUntil), v.Observed[:1])
	}
	return out
}

// play applies steps such as "5c" (seen critical at second 5), "40!" (the leader
// acts on what is due) or "9=" (nothing), and expects what stands behind each
// colon, between commas.
func (s *testStore) play(id, script string) {
	s.t.Helper()
	status := map[byte]string{'p': api.Passing, 'w': api.Warning, 'c': api.Critical}
	for _, step := range strings.Split(script, ",") {
		what, want, _ := strings.Cut(strings.TrimSpace(step), ":")
		var sec int
		var verb byte
		_, err := fmt.Sscanf(what, "%d%c", &sec, &verb)
		require.NoError(s.t, err, step)
		at := time.Duration(sec) * time.Second
		switch verb {
		case '!':
			var c ChecksDue
			s.State().Due(func(_ time.Time, k *api.Check) bool {
				c.Checks = append(c.Checks, CheckRef{k.Node, k.CheckID})
				return true
			})
			s.at(at, &c)
		default:
			s.at(at, report("", id, status[verb]))
		}
		require.Equal(s.t, strings.TrimSpace(want), s.shown(id), "after %s", what)
	}
}

func TestDamping(t *testing.T) {
	three := &api.CheckDamping{Changes: 3, Window: seconds(60), Hold: seconds(10), MaxHold: seconds(35)}
	for _, c := range []struct {
		name   string
		policy *SetConfigEntry
		script string
	}{
		{"none", nil, "1p:p, 2c:c, 3p:p, 4c:c, 5p:p, 6c:c, 7p:p, 8c:c"},
		{"of another service", policy("other", three, nil), "1p:p, 2c:c, 3p:p, 4c:c, 5p:p, 6c:c"},
		{"few changes", policy("web", three, nil), "1p:p, 2c:c, 3p:p"},
		{"one too many", policy("web", three, nil), "1p:p, 2c:c, 3p:p, 4c:c held 14 c, 5p:c held 14 p"},
		{"for all", policy("*", three, nil), "1p:p, 2c:c, 3p:p, 4c:c held 14 c"},
		{"whatever the name's case", policy("WEB", three, nil), "1p:p, 2c:c, 3p:p, 4c:c held 14 c"},
		{"slow changes", policy("web", three, nil), "1p:p, 30c:c, 60p:p, 90c:c, 120p:p, 150c:c"},
		{"held when it turns well", policy("web", three, nil), "1c:c, 2p:p, 3c:c, 4p:p, 5c:c held 15 c"},
		{"warnings are nothing", policy("web", three, nil), "1p:p, 2w:w, 3p:p, 4w:w, 5p:p, 6w:w, 7c:c, 8w:w, 9p:p"},
		{"released when it is quiet", policy("web", three, nil), "1p:p, 2c:c, 3p:p, 4c:c held 14 c, 13!:c held 14 c, 14!:c"},
		{"released as what was seen", policy("web", three, nil), "1c:c, 2p:p, 3c:c, 4p:p, 5c:c held 15 c, 6w:c held 15 w, 15!:c held 35 w, 35!:w"},
		{"twice as long, but no longer than the longest", policy("web", three, nil),
			"1p:p, 2c:c, 3p:p, 4c:c held 14 c, 5p:c held 14 p, 14!:c held 34 p, 20c:c held 34 c, 34!:c held 69 c, 40p:c held 69 p, 69!:c held 104 p, 104!:p"},
		{"and twice as long the next time", policy("web", three, nil),
			"1p:p, 2c:c, 3p:p, 4c:c held 14 c, 14!:c, 20p:c held 40 p, 40!:p"},
		{"forgotten when it was quiet", policy("web", three, nil),
			"1p:p, 2c:c, 3p:p, 4c:c held 14 c, 14!:c, 70p:p, 71c:c, 72p:p, 73c:c held 83 c"},
		{"the leader acts late", policy("web", three, nil), "1p:p, 2c:c, 3p:p, 4c:c held 14 c, 99!:c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			if c.policy != nil {
				require.NoError(t, s.at(0, c.policy).Err)
			}
			s.at(0, instance("n1", "web", "w1", &api.Check{CheckID: "w1", Name: "w1", ServiceID: "w1", Status: api.Critical,
				Definition: &api.CheckDefinition{TCP: "x:1", Interval: seconds(10)}}))
			steps := strings.Split(c.script, ",")
			for i := range steps {
				s.play("w1", steps[i])
				if i%3 == 2 {
					s.reopen()
				}
			}
		})
	}
}

func TestHeldCheckSaysSo(t *testing.T) {
	s := openTest(t)
	s.at(0, policy("web", &api.CheckDamping{Changes: 1, Hold: seconds(30)}, nil))
	s.at(0, instance("n1", "web", "w1", &api.Check{CheckID: "w1", Name: "w1", ServiceID: "w1", Status: api.Passing, Probe: &api.CheckDefinition{TCP: "x:1", Interval: seconds(10), DeregisterCriticalServiceAfter: seconds(60)}}))
	s.play("w1", "1c:c, 2p:c held 32 p")
	k := s.check("n1", "w1")
	require.Equal(t, "held critical until 1970-01-12T13:47:12Z for flapping (2 changes in 1m): was passing", k.Output)
	require.Equal(t, "passing was passing", k.Verdict.Observed+" "+k.Verdict.Output)
	require.Equal(t, map[string]time.Duration{"w1": 32 * time.Second}, s.due(), "being held is not being critical")

	// It says what is seen of it, and nothing that is said again is news.
	s.at(3*time.Second, &UpdateChecks{Updates: []CheckUpdate{{"n1", "w1", api.Passing, "other", ""}}})
	require.True(t, strings.HasSuffix(s.check("n1", "w1").Output, "(2 changes in 1m): other"))
	before := s.check("n1", "w1")
	s.at(4*time.Second, &UpdateChecks{Updates: []CheckUpdate{{"n1", "w1", api.Passing, "other", ""}}})
	require.Same(t, before, s.check("n1", "w1"))

	// Registering again does not free it.
	r := instance("n1", "web", "w1", &api.Check{CheckID: "w1", Name: "w1", ServiceID: "w1", Status: api.Passing, Probe: before.Probe})
	for _, keep := range []bool{true, false} {
		r.KeepStatus = keep
		s.at(5*time.Second, r)
		require.Same(t, before, s.check("n1", "w1"))
	}
	// Another definition is another check.
	r.KeepStatus = true
	r.Checks[0].Probe = &api.CheckDefinition{TCP: "y:1", Interval: seconds(10)}
	s.at(6*time.Second, r)
	require.Equal(t, "passing other", s.check("n1", "w1").Status+" "+s.check("n1", "w1").Output)
	require.Nil(t, s.check("n1", "w1").Verdict)
}

func TestWithoutItsPolicyNothingIsHeld(t *testing.T) {
	damping, guard := &api.CheckDamping{Changes: 1, Hold: seconds(30)}, &api.CheckGuard{Hold: seconds(60)}
	for name, end := range map[string]*SetConfigEntry{
		"deleted":  {Delete: true, Entry: ConfigEntry{Kind: api.CheckPolicyKind, Name: "web"}},
		"replaced": policy("web", nil, nil),
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t)
			s.at(0, policy("web", damping, guard))
			for _, id := range []string{"w1", "w2", "w3"} {
				s.at(0, instance("n1", "web", id, &api.Check{CheckID: id, Name: id, ServiceID: id, Status: api.Passing, Probe: &api.CheckDefinition{TCP: "x:1", Interval: seconds(10)}}))
			}
			s.play("w1", "1c:c, 2p:c held 32 p")
			s.play("w2", "3c:c")
			s.play("w3", "3c:p guarded 63 c")
			s.at(4*time.Second, end)
			require.Equal(t, "p", s.shown("w1"))
			require.Equal(t, "c", s.shown("w3"))
			require.Empty(t, s.due())
			s.play("w1", "5c:c, 6p:p, 7c:c, 8p:p")
			require.Nil(t, s.check("n1", "w1").Verdict)
		})
	}
}

// fleet registers n instances of web whose checks pass.
func (s *testStore) fleet(n int, after api.Duration) {
	for i := range n {
		id := fmt.Sprint("w", i)
		s.at(0, instance("n1", "web", id, &api.Check{CheckID: id, Name: id, ServiceID: id, Status: api.Passing, Output: "was passing",
			Probe: &api.CheckDefinition{TCP: "x:1", Interval: seconds(10), DeregisterCriticalServiceAfter: after}}))
	}
}

func TestGuard(t *testing.T) {
	half := &api.CheckGuard{Share: 0.5, Hold: seconds(60)}
	for _, c := range []struct {
		name      string
		instances int
		guard     *api.CheckGuard
		steps     string // number of the instance, then a step of play
		out       int    // how many show critical in the end
	}{
		{"none", 4, nil, "0 1c:c; 1 1c:c; 2 1c:c; 3 1c:c", 4},
		{"more than half at once", 4, half, "0 1c:c; 1 2c:c; 2 3c:p guarded 63 c; 3 4c:p guarded 64 c", 2},
		{"one by one", 4, half, "0 1c:c; 1 12c:c; 2 23c:c; 3 34c:c", 4},
		{"one alone is no mass", 1, half, "0 1c:c", 1},
		{"a small share", 10, &api.CheckGuard{Share: 0.01, Hold: seconds(60)}, "0 1c:c; 1 2c:p guarded 62 c", 1},
		{"in one command or in many", 3, half, "0 1c:c; 1 1c:p guarded 61 c; 2 1c:p guarded 61 c", 1},
		{"well again", 3, half, "0 1c:c; 1 1c:p guarded 61 c; 1 5p:p; 1 6w:w", 1},
		{"a warning meanwhile", 3, half, "0 1c:c; 1 1c:p guarded 61 c; 1 5w:w", 1},
		{"for a bounded time", 3, half, "0 1c:c; 1 1c:p guarded 61 c; 1 60!:p guarded 61 c; 1 61!:c", 2},
		{"the last status is kept", 3, half, "1 0w:w; 0 1c:c; 1 1c:w guarded 61 c; 1 61!:c", 2},
		{"those that came back count no more", 4, half, "0 1c:c; 1 2c:c; 0 3p:p; 2 4c:c; 3 5c:p guarded 65 c", 2},
		{"those long gone count no more", 4, half, "0 1c:c; 1 2c:c; 2 30c:c; 3 31c:c", 4},
		{"guarded ones count", 5, half, "0 1c:c; 1 2c:c; 2 3c:p guarded 63 c; 3 11c:p guarded 71 c", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			if c.guard != nil {
				s.at(0, policy("web", nil, c.guard))
			}
			s.fleet(c.instances, 0)
			for _, step := range strings.Split(c.steps, ";") {
				i, what, _ := strings.Cut(strings.TrimSpace(step), " ")
				s.play("w"+i, what)
				s.reopen()
			}
			v, _ := s.State().Service("web")
			out := 0
			for _, i := range v.Instances {
				if i.Status == api.Critical {
					out++
				}
			}
			require.Equal(t, c.out, out)
		})
	}
}

func TestGuardedCheckSaysSo(t *testing.T) {
	s := openTest(t)
	s.at(0, policy("web", nil, &api.CheckGuard{Hold: seconds(300)}))
	s.fleet(3, seconds(60))
	s.play("w0", "1c:c")
	s.play("w1", "2c:p guarded 302 c")
	k := s.check("n1", "w1")
	require.Equal(t, "guarded until 1970-01-12T13:51:42Z: seen critical: was critical", k.Output)
	require.Equal(t, "critical was critical", k.Verdict.Observed+" "+k.Verdict.Output)
	guarded := map[string]int{}
	s.State().Guarded(func(service string, checks int) { guarded[service] = checks })
	require.Equal(t, map[string]int{"web": 1}, guarded)

	// What is guarded is not deregistered by time, only by request.
	require.Equal(t, map[string]time.Duration{"w0": 61 * time.Second, "w1": 302 * time.Second}, s.due())
	s.play("w1", "300!:p guarded 302 c, 302!:gone")
	require.Equal(t, "gone", s.shown("w0"))

	s.play("w2", "304c:c") // the only one that is left
	s.fleet(3, 0)
	s.play("w0", "400c:c")
	s.play("w1", "400c:p guarded 700 c")
	s.at(401*time.Second, &Deregister{Node: "n1", ServiceID: "w1"})
	require.Equal(t, "gone", s.shown("w1"))
	require.Empty(t, s.due())
	clear(guarded)
	s.State().Guarded(func(service string, checks int) { guarded[service] = checks })
	require.Empty(t, guarded)
}

// TestInstanceIsGuardedAsAWhole: an instance with two checks is one instance.
func TestInstanceIsGuardedAsAWhole(t *testing.T) {
	s := openTest(t)
	s.at(0, policy("web", nil, &api.CheckGuard{Share: 0.4, Hold: seconds(60)}))
	probe := &api.CheckDefinition{TCP: "x:1", Interval: seconds(10)}
	for _, id := range []string{"a", "b", "c"} {
		r := instance("n1", "web", id)
		for _, n := range []string{"1", "2"} {
			r.Checks = append(r.Checks, &api.Check{CheckID: id + n, Name: id, ServiceID: id, Status: api.Passing, Probe: probe})
		}
		s.at(0, r)
	}
	s.play("a1", "1c:c")
	s.play("a2", "1c:c") // out already
	s.play("b1", "2c:p guarded 62 c")
	s.play("b2", "3c:p guarded 63 c")
	v, _ := s.State().Service("web")
	require.Equal(t, []string{api.Critical, api.Passing, api.Passing}, []string{v.Instances[0].Status, v.Instances[1].Status, v.Instances[2].Status})

	// A node that fails as a whole is no check of theirs.
	s.at(4*time.Second, &Register{Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Checks: []*api.Check{{CheckID: "node", Name: "node", Status: api.Critical}}})
	s.play("c1", "5c:c")
}

func TestServerFailuresAreNotGuarded(t *testing.T) {
	s := openTest(t)
	s.at(0, policy("*", &api.CheckDamping{Changes: 1}, &api.CheckGuard{Share: 0.01}))
	s.servers("s1", "s2", "s3")
	for i := range 5 {
		for _, alive := range []bool{false, true} {
			for _, n := range []string{"s1", "s2"} {
				s.at(time.Duration(i)*time.Second, &Liveness{Node: n, Alive: alive, Output: "o"})
				require.Equal(t, alive, s.check(n, api.SerfHealth).Status == api.Passing)
			}
		}
	}
	require.Empty(t, s.due())
}

func TestPoliciesAreKept(t *testing.T) {
	s := openTest(t)
	require.Nil(t, s.State().misc.policies)
	s.at(0, policy("web", &api.CheckDamping{Changes: 2}, nil))
	s.at(0, policy("*", nil, &api.CheckGuard{Share: 0.25}))
	s.at(0, &SetConfigEntry{Entry: ConfigEntry{Kind: "service-defaults", Name: "web", Body: []byte(`{"Damping":{"Changes":9}}`)}})
	s.at(0, &SetConfigEntry{Entry: ConfigEntry{Kind: api.CheckPolicyKind, Name: "odd", Body: []byte(`{"Guard":{"Share":7}}`)}})
	for range 2 {
		p := s.State().misc.policies
		require.Len(t, p, 2)
		web := p.of(&api.Check{ServiceName: "Web", ServiceID: "w"})
		require.Equal(t, &api.CheckPolicy{Kind: api.CheckPolicyKind, Name: "web",
			Damping: &api.CheckDamping{Changes: 2, Window: seconds(60), Hold: seconds(30), MaxHold: seconds(600)}}, web, "a service's own counts alone")
		require.Equal(t, 0.25, p.guard(&api.Check{ServiceName: "db", ServiceID: "d"}).Share)
		require.Nil(t, p.guard(&api.Check{}), "a node's check is guarded by nothing")
		s.reopen()
	}
	s.at(0, &SetConfigEntry{Delete: true, Entry: ConfigEntry{Kind: api.CheckPolicyKind, Name: "*"}})
	s.at(0, policy("web", nil, nil))
	require.Len(t, s.State().misc.policies, 1)
	s.at(0, &SetConfigEntry{Delete: true, Entry: ConfigEntry{Kind: api.CheckPolicyKind, Name: "web"}})
	require.Nil(t, s.State().misc.policies)
}

// TestVerdictsAreHistory looks at what is noted of a hold and of a guard.
func TestVerdictsAreHistory(t *testing.T) {
	old := &api.Check{Node: "n1", CheckID: "c", ServiceID: "s", ServiceName: "web", Status: api.Passing}
	with := func(v api.CheckVerdict) *api.Check {
		k := *old
		k.Status, k.Output, k.Verdict = api.Critical, "why", &v
		return &k
	}
	held, guarded := with(api.CheckVerdict{HeldUntil: 5}), with(api.CheckVerdict{GuardedUntil: 5})
	var kinds []string
	for _, p := range [][2]*api.Check{{old, held}, {held, with(api.CheckVerdict{HeldUntil: 9})}, {held, old}, {old, guarded}, {guarded, old}, {guarded, held}, {held, held}, {old, with(api.CheckVerdict{CriticalSince: 1})}} {
		e, special := verdictEvent(p[0], p[1])
		if special {
			require.Equal(t, "n1 s web c", strings.Join([]string{e.Node, e.ServiceID, e.Service, e.CheckID}, " "))
		}
		kinds = append(kinds, e.Kind)
	}
	require.True(t, slices.Equal([]string{"held", "held", "released", "guarded", "released", "held", "", ""}, kinds), kinds)
}
