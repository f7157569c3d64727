package raft

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// mapFSM is a map of strings whose commands are "key=value". Its checkpoint is
// a JSON file.
type mapFSM struct {
	mu    sync.Mutex
	path  string
	state mapState
	saved [2]uint64
	// log has all commands ever applied here, in order, restores as "restore".
	log []string
}

type mapState struct {
	Index, Term uint64
	M           map[string]string
}

func openMapFSM(dir string) (*mapFSM, error) {
	f := &mapFSM{path: filepath.Join(dir, "map.json"), state: mapState{M: map[string]string{}}}
	b, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(b, &f.state)
	f.saved = [2]uint64{f.state.Index, f.state.Term}
	return f, err
}

func (f *mapFSM) ApplyBatch(entries []Entry) [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([][]byte, len(entries))
	for i, e := range entries {
		if e.Index <= f.state.Index {
			panic("entry applied twice")
		}
		k, v, _ := strings.Cut(string(e.Data), "=")
		out[i] = []byte("was " + f.state.M[k])
		f.state.M[k] = v
		f.state.Index, f.state.Term = e.Index, e.Term
		f.log = append(f.log, string(e.Data))
	}
	return out
}

func (f *mapFSM) get(k string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.M[k]
}

func (f *mapFSM) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.state.M)
}

func (f *mapFSM) LastApplied() (uint64, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Index, f.state.Term
}

func (f *mapFSM) Durable() (uint64, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saved[0], f.saved[1]
}

func (f *mapFSM) Checkpoint(uint64) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Index, f.save()
}

func (f *mapFSM) save() error {
	b, err := json.Marshal(f.state)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path+".tmp", b, 0o600); err != nil {
		return err
	}
	f.saved = [2]uint64{f.state.Index, f.state.Term}
	return os.Rename(f.path+".tmp", f.path)
}

func (f *mapFSM) Snapshot() Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, _ := json.Marshal(f.state)
	return &mapSnapshot{index: f.state.Index, term: f.state.Term, bytes: b}
}

func (f *mapFSM) Restore(r io.Reader) error {
	var s mapState
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = s
	f.log = append(f.log, "restore")
	return f.save()
}

type mapSnapshot struct {
	index, term uint64
	bytes       []byte
}

func (s *mapSnapshot) Index() (uint64, uint64) { return s.index, s.term }
func (s *mapSnapshot) Release()                {}
func (s *mapSnapshot) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(s.bytes)
	return int64(n), err
}
