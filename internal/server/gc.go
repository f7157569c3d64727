package server

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Garbage collection is paced by the live heap. Go's default, collect when the
// heap has doubled, collects far too often while the catalog is small (a few
// MB of requests fill such a heap many times a second) and keeps too much
// while it is large. tuneGC aims at the live heap plus a reserve.
const (
	gcReserve = 24 << 20 // bytes of garbage that are always allowed
	gcShare   = 45       // percent of the live heap that is allowed beyond it
	gcEvery   = 2 * time.Second
)

// liveHeap is what the last collection found alive, in bytes.
const liveHeap = "/gc/heap/live:bytes"

// gcPercent returns the setting that allows the reserve on top of a live heap.
func gcPercent(live uint64) int {
	if live == 0 {
		live = 1
	}
	p := max(uint64(gcReserve)*100/live, gcShare)
	return int(min(p, 2000))
}

// tuneGC adjusts the pace of garbage collection until quit is closed. There is
// one in a process.
func tuneGC(quit <-chan struct{}) {
	sample := []metrics.Sample{{Name: liveHeap}}
	set := 0
	t := time.NewTicker(gcEvery)
	defer t.Stop()
	for {
		metrics.Read(sample)
		if p := gcPercent(max(sample[0].Value.Uint64(), 4<<20)); p != set {
			set = p
			debug.SetGCPercent(p)
		}
		select {
		case <-t.C:
		case <-quit:
			return
		}
	}
}
