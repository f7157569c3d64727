package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/registryd/registryd/pkg/api"
)

// pageFill is how full BoltDB leaves a page that it has to split. Its own half
// suits records that come one by one; a burst of registrations is written at
// once and would leave a third of the file empty.
const pageFill = 0.85

// writeRecords puts the changed records and the state's position into tx, in
// order of key, which touches each page of the file once, and keeps the sum.
func writeRecords(tx *bolt.Tx, batch records, state *State) error {
	keys := make([]recordKey, 0, len(batch))
	for k := range batch {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b recordKey) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), strings.Compare(a.key, b.key))
	})
	meta := tx.Bucket([]byte{bucketMeta})
	sum := loadSum(meta)
	for _, k := range keys {
		b, key := tx.Bucket([]byte{k.bucket}), []byte(k.key)
		b.FillPercent = pageFill
		if old := b.Get(key); old != nil {
			sum.remove(k.bucket, key, old)
		}
		v := batch[k]
		if v == nil {
			if err := b.Delete(key); err != nil {
				return err
			}
			continue
		}
		value := encodeRecord(v)
		sum.add(k.bucket, key, value)
		if err := b.Put(key, value); err != nil {
			return err
		}
	}
	if err := syncHistory(tx, &state.history, &sum); err != nil {
		return err
	}
	position := appendMeta(nil, state)
	if err := meta.Put(metaKey, position); err != nil {
		return err
	}
	return meta.Put(sumKey, sum.encode(position))
}

// encodeRecord returns the bytes of a record's value.
func encodeRecord(v any) []byte {
	b := make([]byte, 0, 256)
	switch v := v.(type) {
	case *api.Node:
		return appendNode(b, v)
	case *api.Service:
		return appendService(b, v)
	case *api.Check:
		return appendCheck(b, v)
	case *api.KVPair:
		return appendPair(b, v)
	case *api.Session:
		return appendSession(b, v)
	case *api.PreparedQuery:
		return appendQuery(b, v)
	case *api.UserEvent:
		return appendEvent(b, v)
	case *api.CoordinateEntry:
		return appendCoordinate(b, v)
	case *api.AutopilotConfig:
		return appendAutopilot(b, v)
	case *CA:
		return appendCA(b, v)
	case *FormerServer:
		return appendFormer(b, v)
	case *ConfigEntry:
		return appendConfigEntry(b, v)
	case *RestorePart:
		return v.appendTo(b)
	case HistoryLimits:
		return appendHistoryLimits(b, v)
	case pastRecord:
		return v.appendTo(b)
	case floors:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, v.health), v.catalog)
	case uint64:
		return binary.BigEndian.AppendUint64(b, v)
	}
	panic(fmt.Sprintf("record of type %T has no encoding", v))
}

// appendMeta writes what of a State is no record of its own.
func appendMeta(b []byte, s *State) []byte {
	b = putUint(b, 1, s.index)
	b = putUint(b, 2, s.term)
	b = putUint(b, 3, s.ghosts.floor)
	b = putUint(b, 4, s.nodeGone)
	b = putUint(b, 6, s.kv.floor)
	b = putUint(b, 7, s.offset)
	b = putUint(b, 8, s.restored)
	b = putUint(b, 9, s.history.next)
	b = putUint(b, 10, s.history.floor)
	for id, t := range s.tables {
		b = putMessage(b, 5, func(b []byte) []byte { return putUint(putUint(b, 1, uint64(id)), 2, t.Index) })
	}
	return b
}

func decodeMeta(b []byte, s *State) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			s.index = f.u
		case 2:
			s.term = f.u
		case 3:
			s.ghosts.floor = f.u
		case 4:
			s.nodeGone = f.u
		case 6:
			s.kv.floor = f.u
		case 7:
			s.offset = f.u
		case 8:
			s.restored = f.u
		case 9:
			s.history.next = f.u
		case 10:
			s.history.floor = f.u
		case 5:
			var id, index uint64
			err := fields(f.bytes, func(g field) error {
				switch g.num {
				case 1:
					id = g.u
				case 2:
					index = g.u
				}
				return nil
			})
			if err == nil && id < uint64(tableCount) {
				s.tables[id] = &Table{Index: max(index, 1)}
			}
			return err
		}
		return nil
	})
}
