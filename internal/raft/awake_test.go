package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAwake(t *testing.T) {
	var a awake
	now := time.Unix(1000, 0)
	start := now
	require.Equal(t, start, a.Since(now))
	for range 20 {
		now = now.Add(awakePace)
		require.Equal(t, start, a.Since(now))
	}
	require.Equal(t, start, a.Since(now.Add(-time.Minute)), "a reader that is late")
	require.Equal(t, start, a.Since(now.Add(awakeGap)))
	now = now.Add(2*awakeGap + 1)
	require.Equal(t, now, a.Since(now))
	require.Equal(t, now, a.Since(now.Add(awakePace)))
}

// watcher is the liveness of a leader with a clock that the test moves.
type watcher struct {
	*liveness
	now    time.Time
	others []string
}

func newWatcher(c *cluster) *watcher {
	leader := c.leader()
	n := &Node{cfg: leader.Node.cfg, raft: leader.raft, timing: leader.timing}
	n.lease = newLease(n.cfg.ID, n.timing.readLease, n.voters)
	w := &watcher{liveness: newLiveness(n), now: time.Now(), others: c.followers()}
	w.begun = beginning{number: 7, term: w.now}
	return w
}

// follow makes a server the former leader, that has been silent for so long, and
// this one awake since.
func (w *watcher) follow(former string, silence time.Duration) {
	w.begun.leader, w.begun.contact = former, w.now.Add(-silence)
	for at := w.begun.contact; at.Before(w.now); at = at.Add(awakePace) {
		w.node.awake.Since(at)
	}
}

// pass lets time pass in which the servers answer every heartbeat.
func (w *watcher) pass(d time.Duration, answer ...string) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(50 * time.Millisecond)
		for _, id := range answer {
			w.node.lease.Acknowledge(id, w.begun.number, w.now)
			w.heard(id, w.now)
		}
		w.look(w.now)
	}
}

// told returns who is alive by what was told.
func (w *watcher) told() map[string]bool {
	told := map[string]bool{}
	for {
		news, ok := w.next()
		if !ok {
			return told
		}
		w.liveness.told(news)
		told[news.ID] = news.Alive
	}
}

// Silence counts only while the leader could have heard something.
func TestOnlyWhoWatchesTellsOfFailures(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	w := newWatcher(c)
	b, d := w.others[0], w.others[1]
	dead := w.node.timing.dead
	w.pass(time.Second, b, d)
	require.Equal(t, map[string]bool{b: true, d: true}, w.told())

	// A leader that was paused has heard nobody.
	w.now = w.now.Add(10 * time.Second)
	w.pass(50*time.Millisecond, b) // who is quicker than its first look
	require.Empty(t, w.told())
	_, decided := w.judge(d)
	require.False(t, decided)
	w.pass(dead-100*time.Millisecond, b)
	require.Empty(t, w.told(), "it may still be heard")
	w.pass(200*time.Millisecond, b)
	require.Equal(t, map[string]bool{d: false}, w.told())
	require.Less(t, w.silentFor(d), time.Second, "the pause is not time in which it failed")
	w.pass(time.Second, b, d)
	require.Equal(t, map[string]bool{d: true}, w.told())

	// One that hears from nobody may have been deposed; of whom it hears later
	// it did not know meanwhile.
	w.pass(5 * time.Second)
	require.Empty(t, w.told())
	w.pass(dead-100*time.Millisecond, b)
	require.Empty(t, w.told())
	w.pass(200*time.Millisecond, b)
	require.Equal(t, map[string]bool{d: false}, w.told())

	// A term that no majority has acknowledged yet tells nothing, a predecessor's
	// silence counts from when it was last heard.
	w = newWatcher(c)
	w.follow(d, time.Second)
	w.pass(dead)
	require.Empty(t, w.told())
	w.pass(50*time.Millisecond, b)
	require.Equal(t, map[string]bool{b: true, d: false}, w.told())
}

// A former leader is not taken for dead for not having led: it answers the first
// heartbeats of its successor.
func TestFormerLeaderIsAsked(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	dead := 1500 * time.Millisecond
	for _, way := range []struct {
		name    string
		silence time.Duration // before the term
		answers bool
	}{
		{"living, election took long", 2 * dead, true},
		{"dead, election took long", 2 * dead, false},
		{"dead, election was quick", dead / 3, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			w := newWatcher(c)
			other, former := w.others[0], w.others[1]
			w.follow(former, way.silence)
			w.pass(100*time.Millisecond, other)
			require.Equal(t, map[string]bool{other: true}, w.told())
			if way.answers {
				w.pass(time.Second, other, former)
				require.Equal(t, map[string]bool{former: true}, w.told())
				return
			}
			w.pass(max(200*time.Millisecond, dead-way.silence-100*time.Millisecond), other)
			require.Equal(t, map[string]bool{former: false}, w.told())
		})
	}
}

// A former leader that stands for election again lives, though it has not led
// for long.
func TestFormerLeaderThatStandsIsAlive(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	w := newWatcher(c)
	former, other := w.others[0], w.others[1]
	w.node.followed.Store(&former)
	w.stands(former, w.now)
	w.stands(other, w.now.Add(time.Second))
	w.begin(8, w.now.Add(3*time.Second))
	require.Equal(t, beginning{8, w.now.Add(3 * time.Second), former, w.now}, w.begun)
	w.begin(9, w.now)
	require.Equal(t, beginning{number: 9, term: w.now}, w.begun, "it led itself since")
}
