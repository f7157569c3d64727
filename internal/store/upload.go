package store

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// An operator's snapshot is restored through the log, like any other write: its
// bytes come as parts, which become part of the state until the command that
// puts the whole in the state's place. So every server does that at the same
// point of the log, and whoever dies or joins meanwhile catches up as usual.
//
// Nothing that clients see runs backwards: the indexes of the log go on, an
// offset is added to them where the restored objects have higher ones, and all
// that was restored is answered with the index of the restore.

// MaxRestorePart and maxRestoreParts bound an upload: the bytes of one part, and
// the number of parts.
const (
	MaxRestorePart  = 512 << 10
	maxRestoreParts = 1 << 14
)

// RestorePart is a piece of a gzipped snapshot stream. Part 0 begins an upload
// and ends the one there was; the others follow in order.
type RestorePart struct {
	Upload string // names the upload
	Seq    uint64
	Data   []byte
}

// RestoreDone replaces the state by the uploaded one. It fails, and changes
// nothing, if the upload is not whole or not sound. With no Parts it drops the
// upload instead.
type RestoreDone struct {
	Upload string
	Parts  uint64
}

// upload is what has come of a snapshot to restore. The slice is never changed
// in place.
type upload struct {
	parts []*RestorePart
}

func (u *upload) add(p *RestorePart) { u.parts = append(slices.Clip(u.parts), p) }

// Uploading returns the name of the upload that is under way and the number of
// its parts; empty if there is none.
func (s *State) Uploading() (name string, parts int) {
	if len(s.upload.parts) == 0 {
		return "", 0
	}
	return s.upload.parts[0].Upload, len(s.upload.parts)
}

func (*RestorePart) kind() byte    { return kindRestorePart }
func (*RestoreDone) kind() byte    { return kindRestoreDone }
func (*RestoreDone) canFail() bool { return true }

// key orders the records of parts.
func (c *RestorePart) key() string { return string(binary.BigEndian.AppendUint64(nil, c.Seq)) }

func (c *RestorePart) apply(d *draft) Result {
	if len(c.Data) > MaxRestorePart || c.Seq >= maxRestoreParts || c.Upload == "" {
		return refuse(api.TooLarge, "a part of a restore is too large, or there are too many")
	}
	if c.Seq == 0 {
		d.dropUpload()
	}
	u := &d.next.upload
	if c.Seq != uint64(len(u.parts)) || c.Seq > 0 && u.parts[0].Upload != c.Upload {
		return refuse(api.Refused, "another restore has begun")
	}
	u.add(c)
	d.records.put(bucketRestore, c.key(), c)
	return done
}

func (d *draft) dropUpload() {
	for _, p := range d.next.upload.parts {
		d.records.remove(bucketRestore, p.key())
	}
	d.next.upload = upload{}
}

func (c *RestoreDone) apply(d *draft) Result {
	u := d.next.upload
	switch {
	case len(u.parts) == 0 || u.parts[0].Upload != c.Upload:
		return refuse(api.Refused, "another restore has begun")
	case c.Parts == 0:
		d.dropUpload()
		return done
	case uint64(len(u.parts)) != c.Parts:
		return refuse(api.Refused, "the restore has %d parts, not %d", len(u.parts), c.Parts)
	}
	next, err := u.read(d)
	if err != nil {
		return refuse(api.Refused, "%v", err)
	}
	d.replace(next)
	d.countAnew()
	return done
}

// read makes a state of the upload, placed behind all that came before.
func (u *upload) read(d *draft) (*State, error) {
	readers := make([]io.Reader, len(u.parts))
	for i, p := range u.parts {
		readers[i] = bytes.NewReader(p.Data)
	}
	z, err := gzip.NewReader(io.MultiReader(readers...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSnapshot, err)
	}
	log := d.index - d.next.offset
	next, err := readSnapshot(z, func(s *State) {
		seen := s.Index()
		s.offset = d.next.offset
		if seen >= d.index {
			s.offset = seen + 1 - log
		}
		s.restored = log + s.offset
		s.kv.floor, s.ghosts.floor, s.nodeGone, s.history.floor = s.restored, s.restored, s.restored, s.restored
		for i := range s.tables {
			s.tables[i] = &Table{Index: s.restored}
		}
	})
	if err != nil {
		return nil, err
	}
	next.upload = upload{}
	next.index, next.term = d.base.index, d.base.term
	return next, nil
}

// replace makes next the state that the draft changes. The draft has changed
// nothing yet.
func (d *draft) replace(next *State) {
	old := d.base
	d.after = append(d.after, old.wakeAll)
	d.base, d.next = next, *next
	d.index = next.restored
	d.replaced = true
	d.live, d.keys = nil, nil
}

func (c *RestorePart) appendTo(b []byte) []byte {
	return putBytes(putUint(putString(b, 1, c.Upload), 2, c.Seq), 3, c.Data)
}

func decodeRestorePart(b []byte) (Command, error) {
	c := &RestorePart{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Upload = f.str()
		case 2:
			c.Seq = f.u
		case 3:
			c.Data = append([]byte(nil), f.bytes...)
		}
		return nil
	})
}

func (c *RestoreDone) appendTo(b []byte) []byte {
	return putUint(putString(b, 1, c.Upload), 2, c.Parts)
}

func decodeRestoreDone(b []byte) (Command, error) {
	c := &RestoreDone{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Upload = f.str()
		case 2:
			c.Parts = f.u
		}
		return nil
	})
}
