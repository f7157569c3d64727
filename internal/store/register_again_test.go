package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// What the cluster has found of a check counts more than what a registration
// through the catalog says of it. A check that nobody runs has no other word.
func TestRegistrationsDoNotSayWhatTheClusterFinds(t *testing.T) {
	tcp := func(target string) *api.CheckDefinition {
		return &api.CheckDefinition{TCP: target, Interval: api.Duration(time.Second), DeregisterCriticalServiceAfter: api.Duration(time.Minute)}
	}
	ttl := &api.CheckDefinition{TTL: api.Duration(10 * time.Second)}
	script := &api.CheckDefinition{Args: []string{"/bin/true"}, Interval: api.Duration(time.Second)}
	for _, c := range []struct {
		name        string
		def, again  *api.CheckDefinition
		found, said string
		want        string
		heard       bool
	}{
		{"well, and nothing said", tcp("x:1"), tcp("x:1"), api.Passing, api.Critical, api.Passing, false},
		{"failing, and said to be well", tcp("x:1"), tcp("x:1"), api.Critical, api.Passing, api.Critical, false},
		{"an expired TTL, said to be well", ttl, ttl, api.Critical, api.Passing, api.Critical, false},
		{"another target", tcp("x:1"), tcp("x:2"), api.Critical, api.Passing, api.Passing, true},
		{"run from now on", nil, tcp("x:1"), api.Critical, api.Passing, api.Passing, true},
		{"not run any more", tcp("x:1"), nil, api.Critical, api.Passing, api.Passing, true},
		{"without a definition", nil, nil, api.Critical, api.Passing, api.Passing, true},
		{"without a probe", &api.CheckDefinition{}, &api.CheckDefinition{}, api.Critical, api.Passing, api.Passing, true},
		{"of a kind that nobody runs", script, script, api.Critical, api.Passing, api.Passing, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			register := func(def *api.CheckDefinition, status string) *Register {
				k := check("w1", "w1", status)
				k.Definition = def
				return instance("n1", "web", "w1", k)
			}
			require.NoError(t, s.at(0, register(c.def, api.Critical)).Err)
			require.NoError(t, s.at(time.Second, report("", "w1", c.found)).Err)
			before, _ := s.State().Service("web")
			woken := before.Health.C()
			require.NoError(t, s.at(2*time.Second, register(c.again, c.said)).Err)
			k := s.check("n1", "w1")
			require.Equal(t, c.want, k.Status)
			after, _ := s.State().Service("web")
			if !c.heard {
				require.Equal(t, "was "+c.found, k.Output)
				require.Same(t, before, after, "nothing has changed")
				require.False(t, fired(woken))
				return
			}
			require.Empty(t, k.Output)
		})
	}
}

// A registrar that comes by again and again with a status of its own keeps no
// dead instance.
func TestRegistrationsDoNotPutOffTheEndOfAService(t *testing.T) {
	s := openTest(t)
	again := doomed("w1", 90*time.Second)
	again.Checks[0].Status = api.Passing
	s.at(0, doomed("w1", 90*time.Second))
	s.at(5*time.Second, report("", "w1", api.Critical))
	for at := 10; at < 95; at += 10 {
		require.NoError(t, s.at(time.Duration(at)*time.Second, again).Err)
		require.Equal(t, api.Critical, s.check("n1", "w1").Status)
		require.Equal(t, 95*time.Second, s.due()["w1"])
	}
	s.at(95*time.Second, &ChecksDue{Checks: []CheckRef{{"n1", "w1"}}})
	require.Nil(t, s.check("n1", "w1"))
}
