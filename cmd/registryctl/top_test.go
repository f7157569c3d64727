package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestFrameCountsChanges(t *testing.T) {
	began := time.Now()
	at := func(seconds int, index uint64) *frame {
		f := &frame{Time: began.Add(time.Duration(seconds) * time.Second), Index: index}
		f.servers(&api.AutopilotState{Leader: "1", Servers: map[string]*api.AutopilotServer{
			"1": {Name: "a", LastIndex: index}, "2": {Name: "b", LastIndex: index - 4},
		}})
		return f
	}
	f := at(2, 120)
	f.since(at(0, 100))
	require.InDelta(t, 10, f.Changes, 0.01)
	require.InDelta(t, 10, f.Servers[1].Changes, 0.01)
	require.Equal(t, "a", f.Leader)
	require.Equal(t, []uint64{0, 4}, []uint64{f.Servers[0].Lag, f.Servers[1].Lag})
	f = at(2, 50)
	f.since(at(0, 100))
	require.Zero(t, f.Changes, "an index that runs backwards is of another log")
}

func TestTopRedrawsItsPage(t *testing.T) {
	s := &screen{t: &tool{}, redraw: true, height: 3, drawn: 1}
	first := s.over("a\nb\nc\nd\n")
	require.Contains(t, first, "\x1b[2J")
	require.Contains(t, first, "a\x1b[K\nb\x1b[K\n")
	require.NotContains(t, first, "c", "what does not fit would scroll the page away")
	s.drawn = 2
	require.NotContains(t, s.over("a\n"), "\x1b[2J", "it would flicker")
}

func TestTopSurvivesItsServer(t *testing.T) {
	f := serve(t, map[string]answer{
		"GET /v1/agent/self":               {body: self1},
		"GET /v1/operator/usage":           {body: usage1},
		"GET /v1/health/state/critical":    {body: checks2},
		"GET /v1/health/state/warning":     {body: `[]`},
		"GET /v1/operator/autopilot/state": {body: autopilot1},
	})
	s := start(t, f.URL, "top", "-interval=10ms")
	s.stdout.eventually(t, "leader s1")
	require.Contains(t, s.stdout.String(), "3 nodes  2 services  4 instances")
	f.Close()
	s.stdout.eventually(t, "; last seen at ")
	s.stop()
	require.Zero(t, s.end())
	require.NotContains(t, s.stdout.String(), "\x1b")
	o := call(t, "127.0.0.1:1", "top", "-once")
	require.Equal(t, exitFailed, o.code)
	require.Empty(t, o.stdout)
	require.True(t, strings.HasPrefix(o.stderr, "registryctl: no server answers"))
}
