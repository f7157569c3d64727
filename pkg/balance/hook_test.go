package balance

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHookAndStatusTellWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var picked, updated int
		var reported []error
		var ejected []string
		h := Hook{
			Picked:   func(Instance) { picked++ },
			Reported: func(_ Instance, err error) { reported = append(reported, err) },
			Ejected: func(in Instance, why Reason, d time.Duration) {
				ejected = append(ejected, in.Addr()+" "+string(why)+" "+d.String())
			},
			Updated: func(n int) { updated = n },
		}
		b := openOn(t, newFakeRegistry(entry("a", inZone("z")), entry("b")), WithHook(h), WithSlowStart(10*time.Second))
		failure := errors.New("failed")
		try(t, b, 4, map[string]error{"a": errRefused, "b": failure})
		synctest.Wait()
		require.Equal(t, 4, picked)
		require.Len(t, reported, 4)
		require.Equal(t, 2, updated)
		require.Equal(t, []string{"host-a:80 unreachable 1s"}, ejected)

		s := b.Status()
		require.Equal(t, "web", s.Service)
		require.Equal(t, "round-robin", s.Policy)
		require.False(t, s.Panicking)
		out := s.Instances[0]
		require.Equal(t, InstanceStatus{ID: "a", Node: "node-a", Addr: "host-a:80", Zone: "z", Status: "passing", Weight: 1, Warmth: 1,
			EjectedFor: time.Second, Successes: out.Successes, Failures: out.Failures}, out)
		require.True(t, s.Instances[1].Usable)
		require.EqualValues(t, 4, out.Failures+s.Instances[1].Failures)

		time.Sleep(2 * time.Second)
		require.InDelta(t, 0.1, b.Status().Instances[0].Warmth, 0.05, "back, and cold")
	})
}
