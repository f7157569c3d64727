package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// keepHistory switches the history of a test's store on.
func (s *testStore) keepHistory(count int, age time.Duration) {
	s.t.Helper()
	s.apply(&SetHistory{Limits: HistoryLimits{Count: count, Age: age}})
}

// past returns the events of a scope, oldest first.
func past(s *State, of HistoryScope) []*api.HistoryEvent {
	var l []*api.HistoryEvent
	s.History(of, func(e *api.HistoryEvent) bool {
		l = append([]*api.HistoryEvent{e}, l...)
		return true
	})
	return l
}

// said shows events as lines that are easy to compare.
func said(l []*api.HistoryEvent) []string {
	var lines []string
	for _, e := range l {
		line := fmt.Sprintf("%d %s %s", e.Index, e.Kind, e.Node)
		for _, part := range []string{e.ServiceID, e.CheckID} {
			if part != "" {
				line += " " + part
			}
		}
		if e.From != "" || e.To != "" {
			line += fmt.Sprintf(" [%s→%s]", e.From, e.To)
		}
		if e.Reason != "" {
			line += ": " + e.Reason
		}
		lines = append(lines, line)
	}
	return lines
}

func server(name string) []Command {
	return []Command{
		&Register{ID: "id-" + name, Node: name, Address: "10.0.1." + name[1:], Datacenter: "dc1", Service: &api.Service{ID: ServerService, Service: ServerService},
			Checks: []*api.Check{check(api.SerfHealth, "", api.Passing)}},
	}
}

func TestHistoryOfEachChange(t *testing.T) {
	ttl := func(id, service, status string) *api.Check {
		c := check(id, service, status)
		c.Probe = &api.CheckDefinition{TTL: api.Duration(time.Second)}
		return c
	}
	moving := func(node string) *Register {
		r := instance(node, "web", "w1", ttl("c1", "w1", api.Passing))
		r.SkipNodeUpdate, r.Service.Address, r.KeepStatus = true, "10.9.9.9", true
		return r
	}
	for _, c := range []struct {
		name   string
		before []Command
		do     Command
		want   []string // with the index left out
	}{
		{"a node and an instance", nil, instance("n1", "web", "w1", check("c1", "w1", api.Critical)), []string{"registered n1", "registered n1 w1"}},
		{"the same again", []Command{instance("n1", "web", "w1", check("c1", "w1", api.Critical))}, instance("n1", "web", "w1", check("c1", "w1", api.Critical)), nil},
		{"another port and tags", []Command{instance("n1", "web", "w1")},
			&Register{Node: "n1", SkipNodeUpdate: true, Address: "10.0.0.1", Service: &api.Service{ID: "w1", Service: "web", Port: 81, Tags: []string{"a"}}}, []string{"changed n1 w1: port, tags changed"}},
		{"an ID of another service", []Command{instance("n1", "web", "w1")}, instance("n1", "db", "w1"), []string{"removed n1 w1: its ID is now one of db", "registered n1 w1"}},
		{"another address of a node", []Command{instance("n1", "web", "w1")}, &Register{Node: "n1", Address: "10.0.0.2", Datacenter: "dc1"}, []string{"changed n1: address changed"}},
		{"another name of a node", []Command{&Register{ID: "i", Node: "n1", Address: "a", Service: &api.Service{ID: "w1", Service: "web"}}}, &Register{ID: "i", Node: "n2", Address: "a"},
			[]string{"removed n1 w1: its node was removed", "removed n1: renamed to n2", "registered n2"}},
		{"a check of an instance that was there", []Command{instance("n1", "web", "w1")}, &Register{Node: "n1", SkipNodeUpdate: true, Address: "10.0.0.1", Checks: []*api.Check{
			{CheckID: "m", ServiceID: "w1", Status: api.Critical, Notes: "disk\nchange"}}}, []string{"registered n1 w1 m [→critical]: disk"}},
		{"a check of a node", []Command{instance("n1", "web", "w1")}, &Register{Node: "n1", SkipNodeUpdate: true, Address: "10.0.0.1", Checks: []*api.Check{check("m", "", api.Passing)}},
			[]string{"registered n1 m [→passing]"}},
		{"a status", []Command{instance("n1", "web", "w1", check("c1", "w1", api.Critical))}, &UpdateChecks{Updates: []CheckUpdate{{"n1", "c1", api.Passing, "\n all well \nreally", ""}}},
			[]string{"check n1 w1 c1 [critical→passing]: all well"}},
		{"an output alone", []Command{instance("n1", "web", "w1", check("c1", "w1", api.Critical))}, &UpdateChecks{Updates: []CheckUpdate{{"n1", "c1", api.Critical, "new", ""}}}, nil},
		{"a check goes", []Command{instance("n1", "web", "w1", check("c1", "w1", api.Warning))}, &Deregister{Node: "n1", CheckID: "c1", By: By{Reason: "maintenance ended"}},
			[]string{"removed n1 w1 c1 [warning→]: maintenance ended"}},
		{"a check that is not named any more", []Command{instance("n1", "web", "w1", check("c1", "w1", api.Passing))},
			&Register{Node: "n1", SkipNodeUpdate: true, Address: "10.0.0.1", Service: &api.Service{ID: "w1", Service: "web", Port: 80}, ReplaceChecks: true},
			[]string{"removed n1 w1 c1 [passing→]: not in the new registration"}},
		{"an instance goes", []Command{instance("n1", "web", "w1", check("c1", "w1", api.Passing))}, &Deregister{Node: "n1", ServiceID: "w1"}, []string{"removed n1 w1: deregistered"}},
		{"a node goes", []Command{instance("n1", "web", "w1", check("c1", "", api.Passing))}, &Deregister{Node: "n1"}, []string{"removed n1 w1: its node was removed", "removed n1: deregistered"}},
		{"nothing goes", nil, &Deregister{Node: "n1"}, nil},
		{"a transaction", []Command{instance("n1", "web", "w1")}, &Txn{Ops: []TxnOp{{Verb: CatalogDelete, At: "n1", Service: &api.Service{ID: "w1"}}}}, []string{"removed n1 w1: deregistered"}},
		{"a transaction that fails", []Command{instance("n1", "web", "w1")}, &Txn{Ops: []TxnOp{{Verb: CatalogDelete, At: "n1", Service: &api.Service{ID: "w1"}}, kvOp(KVGet, "x", "", 0)}}, nil},
		{"a server fails", append(append(server("s1"), server("s2")...), moving("s1")), &Liveness{Node: "s1", Output: "gone"},
			[]string{"moved s2 w1 [s1→s2]: its server failed", "check s1 serfHealth [passing→critical]: gone"}},
		{"an instance comes home", append(append(append(server("s1"), server("s2")...), moving("s1")), &Liveness{Node: "s1"}, &Liveness{Node: "s1", Alive: true}), moving("s1"),
			[]string{"moved s1 w1 [s2→s1]: it registered here again"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			s.batch(c.before...) // none of this is history yet
			require.Empty(t, past(s.State(), HistoryScope{}))
			s.keepHistory(100, time.Hour)
			s.apply(c.do)
			var want []string
			for _, w := range c.want {
				want = append(want, fmt.Sprintf("%d %s", s.index, w))
			}
			require.Equal(t, want, said(past(s.State(), HistoryScope{})))
			for _, e := range past(s.State(), HistoryScope{}) {
				require.Equal(t, time.Unix(int64(s.index), 0).UTC(), e.Time)
				require.Equal(t, e.ServiceID != "", e.Service != "", e)
			}
		})
	}
}

func TestHistorySaysWhoAsked(t *testing.T) {
	s := openTest(t)
	s.keepHistory(100, 0)
	r := instance("n1", "web", "w1", check("c1", "w1", api.Critical))
	Sign(r, "s1", "10.0.0.1")
	x := &Txn{Ops: []TxnOp{{Verb: CatalogDelete, Node: &api.Node{Node: "n1"}}}}
	Sign(x, "s2", "::1")
	s.batch(r, &UpdateChecks{From: "", Updates: []CheckUpdate{{"n1", "c1", api.Passing, "", "10.0.0.9"}}}, x)
	who := func(e *api.HistoryEvent) string { return e.Server + " " + e.Client }
	l := past(s.State(), HistoryScope{})
	require.Len(t, l, 5)
	require.Equal(t, []string{"s1 10.0.0.1", "s1 10.0.0.1", " 10.0.0.9", "s2 ::1", "s2 ::1"}, []string{who(l[0]), who(l[1]), who(l[2]), who(l[3]), who(l[4])})

	s.batch(server("s1")...)
	s.batch(instance("n1", "web", "w1", check("c1", "w1", api.Critical)), &UpdateChecks{From: "s1", Updates: []CheckUpdate{{"n1", "c1", api.Passing, "", ""}}})
	l = past(s.State(), NodeHistory("n1"))
	require.Equal(t, "s1 ", who(l[len(l)-1]), "the server that ran the check")
}

func TestHistoryIsBounded(t *testing.T) {
	s := openTest(t)
	s.keepHistory(10, 0)
	for i := range 100 {
		s.apply(instance("n1", "web", fmt.Sprint("w", i)))
	}
	l := past(s.State(), HistoryScope{})
	require.Len(t, l, 10)
	require.Equal(t, "w90", l[0].ServiceID)
	require.EqualValues(t, 91, s.State().history.floor, "the index of the last one dropped")

	// The clock of these tests is the index, in seconds.
	s.keepHistory(10, 5*time.Second)
	require.Len(t, past(s.State(), HistoryScope{}), 5)
	s.index += 100
	s.apply(instance("n1", "web", "late"))
	require.Equal(t, []string{"late"}, []string{past(s.State(), HistoryScope{})[0].ServiceID})

	s.keepHistory(0, 0)
	require.Empty(t, past(s.State(), HistoryScope{}))
	s.apply(instance("n1", "web", "later"))
	require.Empty(t, past(s.State(), HistoryScope{}))
	_, err := s.Checkpoint(0)
	require.NoError(t, err)
	before := snapshotOf(t, s.State())
	s.reopen()
	require.True(t, bytes.Equal(before, snapshotOf(t, s.State())))
}

// TestHistoryBoundsNames: an instance that comes and goes with names of a
// megabyte leaves little behind, and is found by its name.
func TestHistoryBoundsNames(t *testing.T) {
	s := openTest(t)
	s.keepHistory(100, 0)
	long := strings.Repeat("Ä", 1<<19)
	s.batch(instance(long, long, long, check(long, long, api.Passing)), &Deregister{Node: long, CheckID: long}, &Deregister{Node: long})
	require.Len(t, past(s.State(), ServiceHistory(long)), 3)
	require.Len(t, past(s.State(), NodeHistory(long)), 5)
	for _, p := range s.State().history.list {
		require.Less(t, len(p.data), 5*nameMax)
	}
	require.Equal(t, strings.Repeat("Ä", nameMax/2), past(s.State(), NodeHistory(long))[0].Node)
}

func TestHistoryReasonIsOneShortLine(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for in, want := range map[string]string{
		"":                     "",
		" \n\n HTTP GET\r\n x": "HTTP GET",
		"a":                    "a",
		long:                   long[:reasonMax],
		"x" + long:             "x" + long[:reasonMax-2],
	} {
		require.Equal(t, want, firstLine(in))
	}
}

// changes is a log that goes through many instances, checks and nodes.
func changes() []Command {
	l := []Command{&SetHistory{Limits: HistoryLimits{Count: 30, Age: time.Hour}}}
	l = append(l, server("s1")...)
	for i := range 40 {
		node := fmt.Sprint("n", i%7)
		r := instance(node, fmt.Sprint("svc", i%3), fmt.Sprint("i", i%11), check(fmt.Sprint("c", i), fmt.Sprint("i", i%11), api.Critical))
		Sign(r, "s1", "10.1.2.3")
		l = append(l, r, &UpdateChecks{From: "s1", Updates: []CheckUpdate{{node, fmt.Sprint("c", i), api.Passing, "ok", ""}}})
		if i%5 == 4 {
			l = append(l, &Deregister{Node: node}, &Txn{Ops: []TxnOp{{Verb: CatalogDelete, Node: &api.Node{Node: "none"}}, {Verb: CatalogGet, Node: &api.Node{Node: "none"}}}})
		}
	}
	return l
}

// TestHistoryIsTheSameEverywhere applies one log in batches of several sizes,
// with checkpoints and restarts at different places.
func TestHistoryIsTheSameEverywhere(t *testing.T) {
	var want []byte
	for _, size := range []int{1, 2, 7, 1000} {
		s := openTest(t)
		log := changes()
		for n := 0; len(log) > 0; n++ {
			k := min(size, len(log))
			s.batch(log[:k]...)
			log = log[k:]
			switch n % 9 {
			case 3:
				_, err := s.Checkpoint(0)
				require.NoError(t, err)
			case 8:
				s.reopen()
			}
		}
		have := snapshotOf(t, s.State())
		if want == nil {
			want = have
			require.Len(t, past(s.State(), HistoryScope{}), 30)
		}
		require.True(t, bytes.Equal(want, have), "batches of %d", size)
		s.reopen()
		require.True(t, bytes.Equal(want, snapshotOf(t, s.State())), "read back, batches of %d", size)
		read, err := ReadSnapshot(bytes.NewReader(have))
		require.NoError(t, err)
		require.Equal(t, past(s.State(), HistoryScope{}), past(read, HistoryScope{}))
		// And it goes on with the same numbers.
		s.apply(instance("more", "web", "w"))
		s.reopen()
		require.Len(t, past(s.State(), HistoryScope{}), 30)
	}
}

func TestHistoryIndexAndWatch(t *testing.T) {
	s := openTest(t)
	s.keepHistory(4, 0)
	web, db, all := ServiceHistory("web"), ServiceHistory("db"), HistoryScope{}
	require.NotEqual(t, watchOf(historyService, "web"), watchOf(historyService, "db"), "take other names")
	require.EqualValues(t, 1, s.State().HistoryIndex(web, 0), "never 0")

	w, a := s.State().HistoryWatch(web).C(), s.State().HistoryWatch(all).C()
	s.apply(instance("n1", "db", "d1"))
	require.False(t, fired(w))
	require.True(t, fired(a))
	require.EqualValues(t, 1, s.State().HistoryIndex(web, 1))
	require.EqualValues(t, s.index, s.State().HistoryIndex(db, 0))
	require.EqualValues(t, s.index, s.State().HistoryIndex(NodeHistory("n1"), 0))
	s.apply(instance("n1", "Web", "w1"))
	require.True(t, fired(w))
	at := s.index
	require.EqualValues(t, at, s.State().HistoryIndex(web, 0))
	require.EqualValues(t, at, s.State().HistoryIndex(web, 1))

	// The event is dropped: who has seen it keeps waiting, who has not gets an
	// index that is not below it.
	for i := range 9 {
		s.apply(instance("n1", "db", fmt.Sprint("x", i)))
	}
	require.Empty(t, past(s.State(), web))
	require.EqualValues(t, at, s.State().HistoryIndex(web, at))
	floor := s.State().HistoryIndex(web, 0)
	require.Greater(t, floor, at)
	require.LessOrEqual(t, floor, s.State().Index())
	require.EqualValues(t, floor, s.State().HistoryIndex(web, floor))
	require.EqualValues(t, floor, s.State().HistoryIndex(web, s.State().Index()+1000), "an index of another cluster")
	s.reopen()
	require.EqualValues(t, floor, s.State().HistoryIndex(web, 0))
	w = s.State().HistoryWatch(web).C()
	s.apply(instance("n1", "web", "w2"))
	require.True(t, fired(w))
	require.EqualValues(t, s.index, s.State().HistoryIndex(web, at))
}

func TestHistoryOfNodesThatHandOver(t *testing.T) {
	s := openTest(t)
	s.keepHistory(100, 0)
	s.batch(append(server("s1"), server("s2")...)...)
	r := instance("s1", "web", "w1")
	r.SkipNodeUpdate, r.Service.Address = true, "10.9.9.9"
	s.apply(r)
	from, to := s.State().HistoryWatch(NodeHistory("s1")).C(), s.State().HistoryWatch(NodeHistory("s2")).C()
	s.apply(&Liveness{Node: "s1"})
	require.True(t, fired(from))
	require.True(t, fired(to))
	last := func(node string) string {
		var kinds []string
		for _, e := range past(s.State(), NodeHistory(node)) {
			kinds = append(kinds, e.Kind)
		}
		return strings.Join(kinds, " ")
	}
	require.Equal(t, "registered registered registered moved check", last("s1"))
	require.Equal(t, "registered registered moved", last("s2"))
}

// TestHistoryAfterARestore: everybody wakes, nothing runs backwards.
func TestHistoryAfterARestore(t *testing.T) {
	from := openTest(t)
	from.keepHistory(100, 0)
	from.index = 500
	from.apply(instance("n1", "web", "w1"))
	s := openTest(t)
	s.keepHistory(100, 0)
	s.apply(instance("n2", "db", "d1"))
	seen := s.State().HistoryIndex(ServiceHistory("db"), 0)
	watches := []<-chan struct{}{s.State().HistoryWatch(ServiceHistory("web")).C(), s.State().HistoryWatch(ServiceHistory("db")).C(), s.State().HistoryWatch(HistoryScope{}).C()}
	for _, c := range uploadOf(t, "u", snapshotOf(t, from.State()), 100) {
		require.NoError(t, s.apply(c).Err)
	}
	for _, w := range watches {
		require.True(t, fired(w))
	}
	require.Len(t, past(s.State(), ServiceHistory("web")), 1)
	require.Empty(t, past(s.State(), ServiceHistory("db")))
	for _, name := range []string{"web", "db", "none"} {
		require.Greater(t, s.State().HistoryIndex(ServiceHistory(name), seen), seen, name)
		require.GreaterOrEqual(t, s.State().HistoryIndex(ServiceHistory(name), 0), s.State().restored, name)
	}
	before := snapshotOf(t, s.State())
	s.reopen()
	require.True(t, bytes.Equal(before, snapshotOf(t, s.State())))
}

// TestGoldenHistory reads records as they were first written.
func TestGoldenHistory(t *testing.T) {
	at := time.UnixMilli(1700000000123).UTC()
	for i, e := range []api.HistoryEvent{
		{Index: 7, Time: at, Kind: api.HistoryCheck, Node: "n", Service: "web", ServiceID: "web", CheckID: "service:web", From: api.Passing, To: api.Critical, Reason: "why", Server: "s1", Client: "10.0.0.1"},
		{Index: 1 << 40, Time: at, Kind: api.HistoryMoved, Node: "n", Service: "web", ServiceID: "w-1", CheckID: "c", From: "a", To: "b", Client: "unix"},
		{Index: 8, Time: at, Kind: "guarded", Node: "n", Service: "web", Client: "fd00::1"},
		{Index: 9, Time: at, Kind: "new", Node: "n", CheckID: "service:", From: "odd"},
	} {
		path := fmt.Sprintf("testdata/history/%d.hex", i+1)
		h := historyState{next: 6, list: []pastEvent{{e.Index, at.UnixMilli(), appendPast(nil, &e)}, {e.Index, at.UnixMilli() + 1, appendPast(nil, &e)}, {e.Index + 2, 0, nil}, {1 << 50, 0, nil}}}
		data := encodeRecord(h.pastRecordOf(0))
		if _, err := os.Stat(path); *update && err != nil {
			require.NoError(t, os.MkdirAll("testdata/history", 0o755))
			require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(data)+"\n"), 0o644))
		}
		require.Equal(t, goldenBytes(t, path), data)
		l := newLoader()
		l.state.history.next = 4
		require.NoError(t, l.add(bucketHistory, pastKey(0), goldenBytes(t, path)))
		require.EqualValues(t, 2, l.state.history.first())
		again := e
		again.Time = at.Add(time.Millisecond)
		require.Equal(t, []*api.HistoryEvent{&e, &again}, past(l.state, HistoryScope{}))
	}
	l := newLoader()
	l.state.history.next = 100
	for name, value := range map[string][]byte{"an address of one byte": {0x22, 3, 0x52, 1, 0}, "cut": {0x22, 9}} {
		require.Error(t, l.add(bucketHistory, pastKey(0), value), name)
	}
	require.Error(t, l.add(bucketHistory, "short", nil))
	require.Error(t, l.add(bucketHistory, pastKey(25), []byte{0x22, 0}), "beyond the position")
}
