package store

import (
	"encoding/binary"
	"time"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// maxLockDelay bounds how long a key stays unavailable, whatever the session
// asked for: Consul's value.
const maxLockDelay = time.Minute

// lockDelays are the keys that may not be acquired yet because a session ended
// while it held them. Times are those of the log, in nanoseconds since 1970.
type lockDelays struct {
	byKey  *iradix.Tree[int64]
	byTime *iradix.Tree[struct{}] // time (eight bytes, highest first), key
}

func delayOrder(until int64, key string) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), uint64(until)), key...)
}

func (l *lockDelays) set(key string, until int64) {
	l.clear(key)
	l.byKey, _, _ = l.byKey.Insert([]byte(key), until)
	l.byTime, _, _ = l.byTime.Insert(delayOrder(until, key), struct{}{})
}

func (l *lockDelays) clear(key string) {
	old, ok := l.byKey.Get([]byte(key))
	if ok {
		l.byKey, _, _ = l.byKey.Delete([]byte(key))
		l.byTime, _, _ = l.byTime.Delete(delayOrder(old, key))
	}
}

// delayLock makes the key unavailable for a while. Delays that are over are
// forgotten on this occasion, so their number is bounded by how many keys lose
// their holder within maxLockDelay.
func (d *draft) delayLock(key string, delay time.Duration) {
	l, now := &d.next.sessions.delays, d.now.UnixNano()
	for {
		k, _, ok := l.byTime.Root().Minimum()
		if !ok || int64(binary.BigEndian.Uint64(k)) > now {
			break
		}
		over := string(k[8:])
		l.clear(over)
		d.records.remove(bucketLockDelays, over)
	}
	if delay <= 0 {
		return
	}
	until := d.now.Add(min(delay, maxLockDelay)).UnixNano()
	if old, ok := l.byKey.Get([]byte(key)); ok && old > until {
		return
	}
	l.set(key, until)
	d.records.put(bucketLockDelays, key, uint64(until))
}

// lockDelayed reports whether the key may not be acquired yet.
func (d *draft) lockDelayed(key string) bool {
	until, ok := d.next.sessions.delays.byKey.Get([]byte(key))
	return ok && d.now.UnixNano() < until
}
