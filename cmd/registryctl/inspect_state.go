package main

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// stateFile is the name of the file in a snapshot archive that holds the state:
// records as docs/snapshot-format.md describes them.
const stateFile = "state.bin"

const (
	stateHead = "registryd snapshot 1\n"
	stateEnd  = 0xff
	keyRecord = 5 // the kind of record that is a key with its value
)

// recordNames are what the kinds of records are called.
var recordNames = map[byte]string{
	0: "position", 1: "nodes", 2: "service instances", 3: "checks", 4: "indexes of services", keyRecord: "keys", 6: "deleted keys",
	7: "sessions", 8: "lock delays", 9: "prepared queries", 10: "events", 11: "coordinates", 12: "settings", 13: "indexes of nodes",
	14: "restore under way", 15: "history",
}

// tally is how many records there are of something, and their bytes.
type tally struct {
	Name  string
	Count int
	Size  int64
}

// keyView says which keys are counted one by one: those that begin with filter,
// together by the first depth parts of their names.
type keyView struct {
	on     bool
	depth  int
	filter string
}

// group is what a key is counted under.
func (v keyView) group(key string) string {
	parts := strings.SplitN(key, "/", v.depth+1)
	return strings.Join(parts[:min(v.depth, len(parts))], "/")
}

// countRecords reads a state and counts what is in it: by kind, and keys by
// group. What does not begin as a state of ours is read over.
func countRecords(r io.Reader, v keyView) (kinds, keys []tally, err error) {
	in := bufio.NewReader(r)
	defer func() {
		if _, rest := io.Copy(io.Discard, in); err == nil {
			err = rest
		}
	}()
	if head, _ := in.Peek(len(stateHead)); string(head) != stateHead {
		return nil, nil, nil
	}
	_, _ = in.Discard(len(stateHead))
	byKind, byGroup := map[byte]*tally{}, map[string]*tally{}
	for {
		kind, err := in.ReadByte()
		if err != nil {
			return nil, nil, cut(err)
		}
		if kind == stateEnd {
			break
		}
		key, size, err := readRecord(in)
		if err != nil {
			return nil, nil, cut(err)
		}
		name := recordNames[kind]
		if name == "" {
			name = fmt.Sprintf("kind %d", kind)
		}
		count(byKind, kind, name, size)
		if kind == keyRecord && v.on && strings.HasPrefix(key, v.filter) {
			count(byGroup, v.group(key), v.group(key), size)
		}
	}
	return bySize(byKind), bySize(byGroup), nil
}

// readRecord reads a record behind its kind and returns its key and size.
func readRecord(in *bufio.Reader) (key string, size int64, err error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return "", 0, err
	}
	if n > 1<<20 {
		return "", 0, fmt.Errorf("a key of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(in, b); err != nil {
		return "", 0, err
	}
	value, err := binary.ReadUvarint(in)
	if err != nil {
		return "", 0, err
	}
	if value > 1<<30 {
		return "", 0, fmt.Errorf("a value of %d bytes", value)
	}
	_, err = io.CopyN(io.Discard, in, int64(value))
	return string(b), int64(n + value), err
}

// cut says what the end of a file means where there should be more.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func count[K comparable](m map[K]*tally, at K, name string, size int64) {
	if m[at] == nil {
		m[at] = &tally{Name: name}
	}
	m[at].Count++
	m[at].Size += size
}

// bySize returns what was counted, the largest first.
func bySize[K comparable](m map[K]*tally) (list []tally) {
	for t := range maps.Values(m) {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b tally) int { return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Name, b.Name)) })
	return list
}
