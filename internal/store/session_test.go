package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func session(id, node string, checks ...string) *SessionCreate {
	return &SessionCreate{Session: api.Session{ID: id, Node: node, Behavior: api.SessionRelease, NodeChecks: checks}}
}

func lock(key, session string) *KV {
	return &KV{Verb: KVLock, Pair: api.KVPair{Key: key, Session: session, Value: []byte(session)}}
}

func unlock(key, session string) *KV {
	return &KV{Verb: KVUnlock, Pair: api.KVPair{Key: key, Session: session}}
}

func withNode(t *testing.T) *testStore {
	s := openTest(t)
	s.apply(instance("n1", "web", "w1", check("node", "", api.Passing), check("own", "w1", api.Passing), check("bad", "", api.Critical)))
	return s
}

func TestSessionNeedsItsNodeAndChecks(t *testing.T) {
	s := withNode(t)
	for _, c := range []struct {
		create *SessionCreate
		want   string
	}{
		{session("s1", "nobody"), "Missing node registration"},
		{session("s1", "n1", "none"), "Missing check 'none' registration"},
		{session("s1", "n1", "node", "bad"), "Check 'bad' is in critical state"},
		{session("", "n1"), `session ID "" cannot be used`},
	} {
		r := s.apply(c.create)
		require.ErrorIs(t, r.Err, api.Refused)
		require.EqualError(t, r.Err, c.want)
	}
	require.NoError(t, s.apply(session("s1", "N1", "node", "own")).Err)
	require.Equal(t, "n1", s.State().Session("s1").Node)
	require.Error(t, s.apply(session("s1", "n1")).Err)
	require.Len(t, s.State().NodeSessions("n1"), 1)
	require.EqualValues(t, 6, s.State().Table(TableSessions).Index)
}

func TestLockRules(t *testing.T) {
	s := withNode(t)
	s.batch(session("s1", "n1"), session("s2", "n1"))
	steps := []struct {
		c       *KV
		ok      bool
		lockIdx uint64
		holder  string
	}{
		{lock("k", "s1"), true, 1, "s1"},
		{lock("k", "s1"), true, 1, "s1"},
		{lock("k", "s2"), false, 1, "s1"},
		{unlock("k", "s2"), false, 1, "s1"},
		{unlock("k", "s1"), true, 1, ""},
		{unlock("k", "s1"), false, 1, ""},
		{lock("k", "s2"), true, 2, "s2"},
		{set("k", "plain"), true, 0, "s2"},
		{unlock("k", "s2"), true, 0, ""},
		{lock("k", "s1"), true, 1, "s1"},
	}
	for i, st := range steps {
		r := s.apply(st.c)
		require.NoError(t, r.Err)
		require.Equal(t, st.ok, r.OK, "step %d", i)
		require.Equal(t, st.lockIdx, s.pair("k").LockIndex, "step %d", i)
		require.Equal(t, st.holder, s.pair("k").Session, "step %d", i)
	}
	require.EqualError(t, s.apply(lock("k", "")).Err, "missing session")
	require.EqualError(t, s.apply(lock("k", "nobody")).Err, `invalid session "nobody"`)
	require.NoError(t, s.apply(unlock("k", "nobody")).Err)
	s.apply(del("k"))
	require.Zero(t, s.State().sessions.locks.Len())
}

func TestSessionEndsWithWhatItDependsOn(t *testing.T) {
	for name, end := range map[string]Command{
		"destroy":            &SessionDestroy{ID: "s1"},
		"check critical":     &UpdateChecks{Updates: []CheckUpdate{{"n1", "own", api.Critical, "", ""}}},
		"check removed":      &Deregister{Node: "n1", CheckID: "own"},
		"service removed":    &Deregister{Node: "n1", ServiceID: "w1"},
		"node removed":       &Deregister{Node: "n1"},
		"check set critical": instance("n1", "web", "w1", check("own", "w1", api.Critical)),
	} {
		for _, behavior := range []string{api.SessionRelease, api.SessionDelete} {
			t.Run(name+" "+behavior, func(t *testing.T) {
				s := withNode(t)
				create := session("s1", "n1")
				create.Session.ServiceChecks = []api.ServiceCheck{{ID: "own"}}
				create.Session.Behavior = behavior
				s.batch(create, session("other", "n1"), lock("a", "s1"), lock("b", "s1"), set("free", "x"))
				s.apply(&UpdateChecks{Updates: []CheckUpdate{{"n1", "own", api.Warning, "", ""}}})
				require.NotNil(t, s.State().Session("s1"))
				_, _, w := s.State().Key("a")
				ch := w.C()
				require.NoError(t, s.apply(end).Err)
				require.True(t, fired(ch))
				require.Nil(t, s.State().Session("s1"))
				require.Equal(t, name != "node removed", s.State().Session("other") != nil)
				if behavior == api.SessionDelete {
					require.Nil(t, s.pair("a"))
				} else {
					require.Empty(t, s.pair("a").Session)
					require.EqualValues(t, 1, s.pair("b").LockIndex)
					require.Equal(t, s.index, s.pair("b").ModifyIndex)
				}
				require.NotNil(t, s.pair("free"))
				require.Zero(t, s.State().sessions.locks.Len())
				s.reopen()
				require.Nil(t, s.State().Session("s1"))
			})
		}
	}
}

func TestLockDelay(t *testing.T) {
	for _, c := range []struct {
		delay time.Duration
		kept  uint64 // entries (a second each) until the lock is free
	}{{0, 0}, {-time.Second, 0}, {5 * time.Second, 5}, {time.Hour, 60}} {
		s := withNode(t)
		create := session("s1", "n1")
		create.Session.LockDelay = int64(c.delay)
		s.batch(create, session("s2", "n1"), lock("k", "s1"))
		s.apply(&SessionDestroy{ID: "s1"})
		ended := s.index
		s.reopen()
		for s.index+1 < ended+c.kept {
			require.False(t, s.apply(lock("k", "s2")).OK, "%s after %d s", c.delay, s.index-ended)
		}
		if c.kept > 0 {
			require.False(t, s.apply(lock("other", "s2")).Err != nil)
		}
		require.True(t, s.apply(lock("k", "s2")).OK, "%s", c.delay)
	}
}

func TestReleaseHasNoLockDelay(t *testing.T) {
	s := withNode(t)
	create := session("s1", "n1")
	create.Session.LockDelay = int64(time.Minute)
	s.batch(create, session("s2", "n1"), lock("k", "s1"), unlock("k", "s1"))
	require.True(t, s.apply(lock("k", "s2")).OK)
}

func TestOldLockDelaysAreForgotten(t *testing.T) {
	s := withNode(t)
	for i := range 10 {
		create := session("s"+string(rune('0'+i)), "n1")
		create.Session.LockDelay = int64(3 * time.Second)
		s.batch(create, lock("k"+create.Session.ID, create.Session.ID), &SessionDestroy{ID: create.Session.ID})
	}
	require.LessOrEqual(t, s.State().sessions.delays.byKey.Len(), 2)
	require.Equal(t, s.State().sessions.delays.byKey.Len(), s.State().sessions.delays.byTime.Len())
}

func TestSessionsOfAFailedServerMove(t *testing.T) {
	s := openTest(t)
	for _, n := range []string{"s1", "s2", "s3"} {
		r := instance(n, ServerService, ServerService, check(api.SerfHealth, "", api.Passing), check("extra", "", api.Passing))
		r.Address = "10.0.0." + n[1:]
		s.apply(r)
	}
	ttl := func(id string, checks ...string) *SessionCreate {
		c := session(id, "s1", checks...)
		c.Session.TTL = "10s"
		return c
	}
	s.batch(ttl("moves", api.SerfHealth), session("no-ttl", "s1", api.SerfHealth), ttl("more-checks", api.SerfHealth, "extra"),
		lock("k", "moves"), lock("l", "no-ttl"))
	s.apply(&Liveness{Node: "s1", Output: "gone"})
	require.Contains(t, []string{"s2", "s3"}, s.State().Session("moves").Node)
	require.Equal(t, "moves", s.pair("k").Session)
	require.Nil(t, s.State().Session("no-ttl"))
	require.Nil(t, s.State().Session("more-checks"))
	require.Empty(t, s.pair("l").Session)
	require.Empty(t, s.State().NodeSessions("s1"))
	s.apply(&Liveness{Node: "s2", Output: "gone"})
	s.apply(&Liveness{Node: "s3", Output: "gone"})
	require.Nil(t, s.State().Session("moves"), "no server is left to take it")
}
