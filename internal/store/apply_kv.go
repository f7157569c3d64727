package store

import (
	"bytes"

	"github.com/registryd/registryd/pkg/api"
)

// kv returns the tree of keys for reading and changing.
func (d *draft) kv() *kvEdit {
	if d.keys == nil {
		d.keys = d.next.kv.edit()
	}
	return d.keys
}

func (d *draft) finishKV() {
	if d.keys != nil {
		d.next.kv = d.keys.kvState
		d.wake = append(d.wake, d.keys.wake...)
	}
}

func (c *KV) apply(d *draft) Result {
	if !c.Verb.Writes() {
		return refuse(api.Invalid, "key operation %d is not a write", c.Verb)
	}
	_, ok, err := d.writeKey(c)
	return Result{OK: ok, Err: err}
}

func (c *ReapTombstones) apply(d *draft) Result {
	if oldest := d.kv(); oldest.graves.Len() > 0 {
		d.reap(oldest, c.Through, oldest.graves.Len())
	}
	return done
}

// writeKey carries out a verb that writes. It returns the pair as it then is
// (nil if it is gone) and whether the condition held.
func (d *draft) writeKey(c *KV) (p *api.KVPair, ok bool, err error) {
	if c.Pair.Key == "" && c.Verb != KVDeleteTree {
		return nil, false, api.E(api.Invalid, "a key must not be empty")
	}
	if len(c.Pair.Key) > MaxKeyLength {
		return nil, false, api.E(api.TooLarge, "a key may have at most 32000 bytes")
	}
	key := c.Pair.Key
	switch c.Verb {
	case KVSet:
		return d.setKey(c.Pair, true), true, nil
	case KVCAS:
		if !d.keyIsAt(key, c.Pair.ModifyIndex) {
			return nil, false, nil
		}
		return d.setKey(c.Pair, true), true, nil
	case KVDelete:
		d.deleteKey(key)
	case KVDeleteCAS:
		if old := d.kv().get(key); old != nil {
			if old.ModifyIndex != c.Pair.ModifyIndex {
				return old, false, nil
			}
			d.deleteKey(key)
		}
	case KVDeleteTree:
		d.deleteTree(key)
	case KVLock:
		return d.lockKey(c.Pair)
	case KVUnlock:
		return d.unlockKey(c.Pair)
	}
	return nil, true, nil
}

// keyIsAt reports whether the key was last changed at index; 0 means that it
// does not exist.
func (d *draft) keyIsAt(key string, index uint64) bool {
	if old := d.kv().get(key); old != nil {
		return old.ModifyIndex == index
	}
	return index == 0
}

// setKey puts a pair and returns it as it then is. An equal pair changes
// nothing. keepHolder keeps the session of the pair that is there.
func (d *draft) setKey(p api.KVPair, keepHolder bool) *api.KVPair {
	old := d.kv().get(p.Key)
	p.CreateIndex, p.ModifyIndex = d.index, d.index
	if old == nil {
		if keepHolder {
			p.Session = ""
		}
		return d.putPair(nil, p)
	}
	p.Key, p.CreateIndex = old.Key, old.CreateIndex
	if keepHolder {
		p.Session = old.Session
	}
	if p.Flags == old.Flags && p.LockIndex == old.LockIndex && p.Session == old.Session && bytes.Equal(p.Value, old.Value) {
		return old
	}
	return d.putPair(old, p)
}

// putPair is where every change of a pair goes through.
func (d *draft) putPair(old *api.KVPair, p api.KVPair) *api.KVPair {
	t := d.kv()
	if old == nil {
		t.live++
		if e, _, _ := t.root.find(p.Key); e != nil {
			p.Key = e.pair.Key
			d.dropGrave(t, keyGrave(p.Key), e.pair.ModifyIndex)
		}
	}
	d.moveLock(old, &p)
	e := &kvEntry{pair: p}
	t.put(e)
	d.touch(TableKV)
	d.records.put(bucketKV, p.Key, &e.pair)
	return &e.pair
}

func (d *draft) deleteKey(key string) {
	t := d.kv()
	old := t.get(key)
	if old == nil {
		return
	}
	t.live--
	d.moveLock(old, nil)
	t.put(&kvEntry{pair: api.KVPair{Key: old.Key, ModifyIndex: d.index}})
	d.touch(TableKV)
	d.records.remove(bucketKV, old.Key)
	d.addGrave(t, keyGrave(old.Key))
}

// deleteTree removes all keys that begin with prefix. One mark is left for all
// of them, in place of the deletions remembered there.
func (d *draft) deleteTree(prefix string) {
	t := d.kv()
	sub, _, _ := t.root.seek(prefix)
	if sub == nil || sub.first() == nil {
		return
	}
	sub.walk(func(e *kvEntry) bool {
		if e.live() {
			t.live--
			d.moveLock(&e.pair, nil)
			d.records.remove(bucketKV, e.pair.Key)
		} else {
			d.dropGrave(t, keyGrave(e.pair.Key), e.pair.ModifyIndex)
		}
		return true
	})
	full := t.fullKey(prefix, sub)
	sub.marks([]byte(full), func(p string, index uint64) { d.dropGrave(t, treeGrave(p), index) })
	t.cut(prefix, d.index)
	d.touch(TableKV)
	d.addGrave(t, treeGrave(prefix))
}

// lockKey puts a pair and acquires it for its session. Acquiring it again for
// the same session changes the value only.
func (d *draft) lockKey(p api.KVPair) (*api.KVPair, bool, error) {
	if err := d.needSession(p.Session); err != nil {
		return nil, false, err
	}
	p.LockIndex = 1
	if old := d.kv().get(p.Key); old != nil {
		switch old.Session {
		case p.Session:
			p.LockIndex = old.LockIndex
			return d.setKey(p, false), true, nil
		case "":
			p.LockIndex = old.LockIndex + 1
		default:
			return old, false, nil
		}
	}
	if d.lockDelayed(p.Key) {
		return nil, false, nil
	}
	return d.setKey(p, false), true, nil
}

// unlockKey puts a pair and releases it, if its session holds it.
func (d *draft) unlockKey(p api.KVPair) (*api.KVPair, bool, error) {
	if p.Session == "" {
		return nil, false, api.E(api.Refused, "missing session")
	}
	old := d.kv().get(p.Key)
	if old == nil || old.Session != p.Session {
		return old, false, nil
	}
	p.Session, p.LockIndex = "", old.LockIndex
	return d.setKey(p, false), true, nil
}
