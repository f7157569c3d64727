package store

import (
	"sync"
	"sync/atomic"
)

// cacheLimit bounds the answers one view keeps: more than the forms a door
// asks for in practice (all or passing, plain or gzip, DNS types), few enough
// that odd requests cannot grow memory.
const cacheLimit = 32

// CacheKey names one form of an answer made from a view. Door keeps the doors
// apart, Form is the door's own.
type CacheKey struct {
	Door byte
	Form uint32
	Arg  string
}

// Cache is a view's slot for encoded answers: filled on first use, dropped
// together with the view. Safe for concurrent use; the zero value is empty.
type Cache struct {
	mu      sync.Mutex
	entries atomic.Pointer[map[CacheKey]*cacheEntry]
}

type cacheEntry struct {
	once  sync.Once
	value any
}

// Get returns the value kept under the key. The first caller makes it with
// build, everybody who comes meanwhile waits for that one result. Beyond
// cacheLimit keys build runs each time and nothing is kept.
func (c *Cache) Get(key CacheKey, build func() any) any {
	if m := c.entries.Load(); m != nil {
		if e, ok := (*m)[key]; ok {
			e.once.Do(func() { e.value = build() })
			return e.value
		}
	}
	e := c.add(key)
	if e == nil {
		return build()
	}
	e.once.Do(func() { e.value = build() })
	return e.value
}

// add returns the entry of the key, made if need be; nil if the cache is full.
func (c *Cache) add(key CacheKey) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.entries.Load()
	next := make(map[CacheKey]*cacheEntry, 1)
	if old != nil {
		if e, ok := (*old)[key]; ok {
			return e
		}
		if len(*old) >= cacheLimit {
			return nil
		}
		for k, e := range *old {
			next[k] = e
		}
	}
	e := &cacheEntry{}
	next[key] = e
	c.entries.Store(&next)
	return e
}
