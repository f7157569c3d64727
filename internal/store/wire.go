package store

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Commands, records and snapshots are written in the protocol buffers wire
// format by hand: the types are those of pkg/api, which knows no codec. Rules
// that keep old data readable: field numbers are never reused or renumbered,
// unknown fields are skipped, zero values are not written. Maps are written in
// order of their keys, so equal values have equal bytes on every server.
//
// A present but empty list or map differs from an absent one in Consul's JSON
// ([] and null), so it is written as the field's number with a varint 0.

var errWire = errors.New("damaged record")

func putString(b []byte, n protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func putBytes(b []byte, n protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

func putUint(b []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

func putInt(b []byte, n protowire.Number, v int64) []byte {
	return putUint(b, n, protowire.EncodeZigZag(v))
}

func putBool(b []byte, n protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return putUint(b, n, 1)
}

// putMessage writes what body appends as an embedded message, also when that
// is nothing.
func putMessage(b []byte, n protowire.Number, body func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, n, protowire.BytesType)
	start := len(b)
	b = body(b)
	size := len(b) - start
	w := protowire.SizeVarint(uint64(size))
	b = append(b, make([]byte, w)...)
	copy(b[start+w:], b[start:start+size])
	protowire.AppendVarint(b[:start], uint64(size))
	return b
}

func putEmpty(b []byte, n protowire.Number) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), 0)
}

func putStrings(b []byte, n protowire.Number, l []string) []byte {
	if l != nil && len(l) == 0 {
		return putEmpty(b, n)
	}
	for _, s := range l {
		b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	return b
}

func putMap[V any](b []byte, n protowire.Number, m map[string]V, value func([]byte, V) []byte) []byte {
	if m != nil && len(m) == 0 {
		return putEmpty(b, n)
	}
	if len(m) == 0 {
		return b
	}
	var few [8]string
	keys := few[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		b = putMessage(b, n, func(b []byte) []byte { return value(putString(b, 1, k), m[k]) })
	}
	return b
}

func putStringMap(b []byte, n protowire.Number, m map[string]string) []byte {
	return putMap(b, n, m, func(b []byte, v string) []byte { return putString(b, 2, v) })
}

// field is one decoded field: num says which, bytes or u holds the value.
// fixed64 values arrive in u.
type field struct {
	num   protowire.Number
	empty bool // the mark of a present but empty list or map
	bytes []byte
	u     uint64
}

func (f field) str() string { return string(f.bytes) }
func (f field) int() int64  { return protowire.DecodeZigZag(f.u) }
func (f field) bool() bool  { return f.u != 0 }

// fields calls use for each field of a message.
func fields(b []byte, use func(f field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", errWire, protowire.ParseError(n))
		}
		b = b[n:]
		f := field{num: num}
		switch typ {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			f.u, n = protowire.ConsumeVarint(b)
			f.empty = f.u == 0
		case protowire.Fixed64Type:
			f.u, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: field %d: %w", errWire, num, protowire.ParseError(n))
		}
		b = b[n:]
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}

// addString appends a list field's element.
func addString(l []string, f field) []string {
	if f.empty {
		return []string{}
	}
	return append(l, f.str())
}

// addEntry adds a map field's entry; value reads field 2 of it.
func addEntry[V any](m map[string]V, f field, value func(*V, field) error) (map[string]V, error) {
	if m == nil {
		m = map[string]V{}
	}
	if f.empty {
		return m, nil
	}
	var k string
	var v V
	err := fields(f.bytes, func(g field) error {
		if g.num == 1 {
			k = g.str()
			return nil
		}
		return value(&v, g)
	})
	m[k] = v
	return m, err
}

func addStringEntry(m map[string]string, f field) (map[string]string, error) {
	return addEntry(m, f, func(v *string, g field) error { *v = g.str(); return nil })
}
