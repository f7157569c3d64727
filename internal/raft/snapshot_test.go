package raft

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// snapshots is a snapshot store over a map FSM without consensus.
func snapshots(t *testing.T, dir string) (*snapshotStore, *mapFSM) {
	t.Helper()
	st, err := openStorage(&Config{Dir: dir}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { st.close() })
	fsm, err := openMapFSM(dir)
	require.NoError(t, err)
	s, err := openSnapshotStore(st)
	require.NoError(t, err)
	s.adapter = &fsmAdapter{fsm: fsm, applied: newProgress(0), pushed: func(uint64, uint64) {}}
	if s.note != nil {
		s.adapter.set(s.note)
	}
	return s, fsm
}

func servers(ids ...string) hraft.Configuration {
	var c hraft.Configuration
	for _, id := range ids {
		c.Servers = append(c.Servers, hraft.Server{ID: hraft.ServerID(id), Address: hraft.ServerAddress(id + ":1")})
	}
	return c
}

// received writes what a leader would stream for the state.
func received(t *testing.T, s *snapshotStore, state string, index uint64) hraft.SnapshotSink {
	t.Helper()
	sink, err := s.Create(1, index, 3, servers("a", "b"), 2, nil)
	require.NoError(t, err)
	sum := newSummer(sink)
	_, err = io.WriteString(sum, state)
	require.NoError(t, err)
	_, err = sink.Write(sum.trailer())
	require.NoError(t, err)
	return sink
}

func stateJSON(t *testing.T, index uint64, value string) string {
	b, err := json.Marshal(mapState{Index: index, Term: 3, M: map[string]string{"k": value}})
	require.NoError(t, err)
	return string(b)
}

func TestLocalSnapshotIsANote(t *testing.T) {
	s, fsm := snapshots(t, t.TempDir())
	list, err := s.List()
	require.NoError(t, err)
	require.Empty(t, list)

	s.adapter.ApplyBatch([]*hraft.Log{
		{Index: 1, Term: 1, Type: hraft.LogConfiguration, Data: hraft.EncodeConfiguration(servers("a"))},
		{Index: 2, Term: 1, Type: hraft.LogCommand, Data: seal([]byte("k=v"))},
		{Index: 3, Term: 1, Type: hraft.LogCommand},
	})
	snap, err := s.adapter.Snapshot()
	require.NoError(t, err)
	sink, err := s.Create(1, 3, 1, servers("a"), 1, nil)
	require.NoError(t, err)
	require.NoError(t, snap.Persist(sink))
	durable, _ := fsm.Durable()
	require.EqualValues(t, 2, durable)
	list, err = s.List()
	require.NoError(t, err)
	require.EqualValues(t, 3, list[0].Index)
	require.Equal(t, servers("a"), list[0].Configuration)
	files, err := filepath.Glob(filepath.Join(s.dir, "*snap*"))
	require.NoError(t, err)
	require.Empty(t, files)

	// What a follower gets is the present state, not that of the note.
	s.adapter.ApplyBatch([]*hraft.Log{
		{Index: 4, Term: 1, Type: hraft.LogCommand, Data: seal([]byte("k=w"))},
		{Index: 5, Term: 1, Type: hraft.LogConfiguration, Data: hraft.EncodeConfiguration(servers("a", "b"))},
	})
	meta, r, err := s.Open(list[0].ID)
	require.NoError(t, err)
	require.EqualValues(t, 5, meta.Index)
	require.Equal(t, servers("a", "b"), meta.Configuration)
	require.EqualValues(t, 5, meta.ConfigurationIndex)
	stream, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Len(t, stream, int(meta.Size))

	// Another server takes it.
	other, otherFSM := snapshots(t, t.TempDir())
	in, err := other.Create(1, meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex, nil)
	require.NoError(t, err)
	_, err = in.Write(stream)
	require.NoError(t, err)
	require.NoError(t, in.Close())
	_, rc, err := other.Open(in.ID())
	require.NoError(t, err)
	require.NoError(t, other.adapter.Restore(rc))
	require.NoError(t, rc.Close())
	require.Equal(t, "w", otherFSM.get("k"))
	require.EqualValues(t, 5, other.adapter.applied.Index())

	// A reader that goes away early leaves nothing behind.
	_, r, err = s.Open(localSnapshot)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

// A kill at any step of receiving leaves the old state or the new one.
func TestReceivedSnapshotCrashPoints(t *testing.T) {
	full := func(t *testing.T, s *snapshotStore) string {
		sink := received(t, s, stateJSON(t, 9, "new"), 10)
		require.NoError(t, sink.Close())
		return filepath.Join(s.dir, sink.ID())
	}
	for name, c := range map[string]struct {
		crash func(*testing.T, *snapshotStore)
		want  string
	}{
		"nothing written": {func(*testing.T, *snapshotStore) {}, "old"},
		"half written": {func(t *testing.T, s *snapshotStore) {
			sink := received(t, s, stateJSON(t, 9, "new"), 10).(*snapshotSink)
			require.NoError(t, sink.out.Flush())
			require.NoError(t, sink.file.Close())
		}, "old"},
		"complete, not restored": {func(t *testing.T, s *snapshotStore) { full(t, s) }, "new"},
		"restored, not noted": {func(t *testing.T, s *snapshotStore) {
			in, err := s.openReceived(full(t, s))
			require.NoError(t, err)
			require.NoError(t, s.adapter.fsm.Restore(in))
			require.NoError(t, in.Close())
		}, "new"},
		"noted, not removed": {func(t *testing.T, s *snapshotStore) {
			path := full(t, s)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			in, err := s.openReceived(path)
			require.NoError(t, err)
			require.NoError(t, s.adapter.Restore(in))
			require.NoError(t, in.Close())
			require.NoError(t, os.WriteFile(path, b, 0o600))
		}, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, fsm := snapshots(t, dir)
			require.NoError(t, s.settle(newSnapshotNote(4, 1, servers("a"), 1)))
			fsm.state.M["k"], fsm.state.Index = "old", 4
			require.NoError(t, fsm.save())
			c.crash(t, s)
			require.NoError(t, s.stable.Close())

			s, fsm = snapshots(t, dir)
			require.NoError(t, s.recoverReceived())
			require.Equal(t, c.want, fsm.get("k"))
			if c.want == "new" {
				require.EqualValues(t, 10, s.note.Index)
				require.Equal(t, servers("a", "b"), s.note.configuration())
			}
			files, err := filepath.Glob(filepath.Join(s.dir, "*snap*"))
			require.NoError(t, err)
			require.Empty(t, files)
		})
	}
}

// A snapshot of the library is made beside everything else. One whose
// checkpoint is written while the leader's is installed must not take its place:
// the log behind the older note does not reach the newer state.
func TestNoteNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	s, _ := snapshots(t, dir)
	s.adapter.ApplyBatch([]*hraft.Log{{Index: 2, Term: 1, Type: hraft.LogCommand, Data: seal([]byte("k=old"))}})
	older, err := s.adapter.Snapshot()
	require.NoError(t, err)
	own, err := s.Create(1, 3, 1, servers("a"), 1, nil)
	require.NoError(t, err)

	sink := received(t, s, stateJSON(t, 9, "new"), 10)
	require.NoError(t, sink.Close())
	_, in, err := s.Open(sink.ID())
	require.NoError(t, err)
	require.NoError(t, s.adapter.Restore(in))
	require.NoError(t, in.Close())

	require.ErrorContains(t, older.Persist(own), "snapshot up to index 3 is overtaken by one up to 10")
	require.NoError(t, own.Cancel())
	require.EqualValues(t, 10, s.note.Index)
	require.NoError(t, s.stable.Close())
	s, fsm := snapshots(t, dir)
	require.EqualValues(t, 10, s.note.Index)
	durable, _ := fsm.Durable()
	require.EqualValues(t, 9, durable)
}

// A leader's snapshot that arrives late never takes back what was applied.
func TestLateSnapshotIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, fsm := snapshots(t, dir)
	sink := received(t, s, stateJSON(t, 9, "older"), 10)
	require.NoError(t, sink.Close())
	s.adapter.ApplyBatch([]*hraft.Log{{Index: 12, Term: 3, Type: hraft.LogCommand, Data: seal([]byte("k=v"))}})
	_, in, err := s.Open(sink.ID())
	require.NoError(t, err)
	require.ErrorContains(t, s.adapter.Restore(in), "snapshot up to index 10 is older than the state, at 12")
	require.NoError(t, in.Close())
	require.Equal(t, "v", fsm.get("k"))

	// Nor does one that a kill left behind.
	sink = received(t, s, stateJSON(t, 9, "older"), 10)
	require.NoError(t, sink.Close())
	require.NoError(t, fsm.save())
	require.NoError(t, s.stable.Close())
	s, fsm = snapshots(t, dir)
	require.NoError(t, s.recoverReceived())
	require.Equal(t, "v", fsm.get("k"))
	require.Nil(t, s.note)
	files, err := filepath.Glob(filepath.Join(s.dir, "*snap*"))
	require.NoError(t, err)
	require.Empty(t, files)
}

// When the state was restored but the note of it could not be written, another
// leader may still have the log: what that repeats is not applied twice.
func TestRestoredStateIsNotAppliedTwice(t *testing.T) {
	s, fsm := snapshots(t, t.TempDir())
	s.adapter.ApplyBatch([]*hraft.Log{{Index: 2, Term: 1, Type: hraft.LogCommand, Data: seal([]byte("k=old"))}})
	sink := received(t, s, stateJSON(t, 9, "new"), 10)
	require.NoError(t, sink.Close())
	_, in, err := s.Open(sink.ID())
	require.NoError(t, err)
	require.NoError(t, s.stable.Close()) // as a full disk
	require.Error(t, s.adapter.Restore(in))
	require.NoError(t, in.Close())
	require.Equal(t, "new", fsm.get("k"))
	s.adapter.ApplyBatch([]*hraft.Log{{Index: 3, Term: 1, Type: hraft.LogCommand, Data: seal([]byte("k=3"))}})
	require.Equal(t, "new", fsm.get("k"))
}

// What the log holds behind an installed snapshot may have lost an election.
func TestLogBehindASnapshotGoes(t *testing.T) {
	for name, c := range map[string]struct {
		last uint64 // of the log; the snapshot is up to 10
		want []uint64
	}{
		"it ends before":    {7, nil},
		"it reaches as far": {10, []uint64{6, 7, 8, 9, 10}},
		"it reaches beyond": {12, []uint64{6, 7, 8, 9, 10, 11, 12}},
	} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprint(name, killed), func(t *testing.T) {
				s, _ := snapshots(t, t.TempDir())
				require.NoError(t, s.logs.StoreLogs(entries(6, c.last, 3, 10)))
				sink := received(t, s, stateJSON(t, 9, "new"), 10)
				require.NoError(t, sink.Close())
				if killed {
					require.NoError(t, s.recoverReceived())
				} else {
					_, in, err := s.Open(sink.ID())
					require.NoError(t, err)
					require.NoError(t, s.adapter.Restore(in))
					require.NoError(t, in.Close())
				}
				var got []uint64
				for i := uint64(1); i <= 20; i++ {
					if s.logs.GetLog(i, &hraft.Log{}) == nil {
						got = append(got, i)
					}
				}
				require.Equal(t, c.want, got)
			})
		}
	}
}

// A snapshot of the library that is completed while the state is being frozen
// for a follower says nothing about that state.
func TestStreamIsWhatItsPositionSays(t *testing.T) {
	s, fsm := snapshots(t, t.TempDir())
	s.adapter.ApplyBatch([]*hraft.Log{{Index: 1, Term: 1, Type: hraft.LogCommand, Data: seal([]byte("k=v"))}})
	s.adapter.fsm = &frozenFSM{fsm, func() { require.NoError(t, s.settle(newSnapshotNote(2, 1, servers("a"), 1))) }}
	meta, r, err := s.stream()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.EqualValues(t, 1, meta.Index)
}

// frozenFSM calls a function when its state has been frozen.
type frozenFSM struct {
	FSM
	then func()
}

func (f *frozenFSM) Snapshot() Snapshot {
	s := f.FSM.Snapshot()
	f.then()
	return s
}

// A damaged stream is refused and a damaged file is named; neither is restored.
func TestDamagedSnapshot(t *testing.T) {
	dir := t.TempDir()
	s, fsm := snapshots(t, dir)
	for name, stream := range map[string]string{
		"empty": "", "short": "abc", "wrong sum": stateJSON(t, 9, "new") + "0000",
	} {
		sink, err := s.Create(1, 10, 3, servers("a"), 2, nil)
		require.NoError(t, err)
		_, err = io.WriteString(sink, stream)
		require.NoError(t, err)
		require.Error(t, sink.Close(), name)
		files, _ := filepath.Glob(filepath.Join(s.dir, "*snap*"))
		require.Empty(t, files, name)
	}
	sink := received(t, s, stateJSON(t, 9, "new"), 10)
	require.NoError(t, sink.Cancel())
	sink = received(t, s, stateJSON(t, 9, "new"), 10)
	require.NoError(t, sink.Close())
	path := filepath.Join(s.dir, sink.ID())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := range whole {
		broken := append([]byte{}, whole...)
		broken[at] ^= 1
		require.NoError(t, os.WriteFile(path, broken, 0o600))
		err := s.recoverReceived()
		require.ErrorContains(t, err, fmt.Sprintf("%s is damaged", path), at)
		require.Empty(t, fsm.get("k"))
	}
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	require.NoError(t, s.recoverReceived())
	require.Equal(t, "new", fsm.get("k"))
}

// A flipped bit in a log entry is noticed when the log is read, at the start.
func TestDamagedLogEntry(t *testing.T) {
	st, err := openStorage(&Config{Dir: t.TempDir()}, nil)
	require.NoError(t, err)
	defer st.close()
	for i := uint64(1); i <= 3; i++ {
		l := &hraft.Log{Index: i, Term: 1, Data: seal([]byte("k=v"))}
		if i == 2 {
			l.Data[0] ^= 1
		}
		require.NoError(t, st.bolt.StoreLog(l))
	}
	var l hraft.Log
	require.NoError(t, st.logs.GetLog(1, &l))
	require.ErrorContains(t, st.logs.GetLog(2, &l), "log entry 2 has a wrong checksum")
	require.NoError(t, st.logs.GetLog(3, &l))
	require.ErrorIs(t, st.logs.GetLog(4, &l), hraft.ErrLogNotFound)
}
