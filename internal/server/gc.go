package server

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Memory is paced by the live heap. Go's default, to collect when the heap has
// doubled, collects far too often while the catalog is small: a few MB of
// requests fill such a heap many times a second. So a reserve of garbage is
// always allowed, and a larger one while there is much to do. In return, memory
// that a burst left behind is given back to the system as soon as it is quiet
// again, instead of minutes later.
const (
	gcReserve = 16 << 20 // bytes of garbage that are always allowed
	gcBusy    = 48 << 20 // the same in a burst
	gcShare   = 80       // percent of the live heap that is allowed, if that is more
	gcEvery   = time.Second

	// quietBytes is how little is allocated in gcEvery when it is quiet. What a
	// burst left behind is worth a collection, which looks at all that is alive,
	// from leftBytes on, and from one part in leftShare of that.
	quietBytes = 2 << 20
	leftBytes  = 4 << 20
	leftShare  = 10
)

// What is read of the runtime.
const (
	liveHeap  = "/gc/heap/live:bytes"   // alive at the last collection
	allocated = "/gc/heap/allocs:bytes" // since the start
	inUse     = "/memory/classes/heap/objects:bytes"
	unused    = "/memory/classes/heap/unused:bytes"
	free      = "/memory/classes/heap/free:bytes" // kept though nothing is in it
)

// gcPercent returns the setting that allows a reserve on top of a live heap.
func gcPercent(live, reserve uint64) int {
	const least = 4 << 20 // Go never collects below this
	return int(max(reserve*100/max(live, least), gcShare))
}

// pacer adjusts garbage collection until quit is closed. There is one in a
// process. release gives back memory that is not the heap's.
type pacer struct {
	release func()

	samples []metrics.Sample
	percent int
	before  uint64 // allocated at the last look
	busy    bool   // something was allocated since memory was last looked through
}

func newPacer(release func()) *pacer {
	p := &pacer{release: release}
	for _, n := range []string{liveHeap, allocated, inUse, unused, free} {
		p.samples = append(p.samples, metrics.Sample{Name: n})
	}
	return p
}

func (p *pacer) run(quit <-chan struct{}) {
	t := time.NewTicker(gcEvery)
	defer t.Stop()
	for {
		p.look()
		select {
		case <-t.C:
		case <-quit:
			return
		}
	}
}

func (p *pacer) look() {
	metrics.Read(p.samples)
	v := func(i int) uint64 { return p.samples[i].Value.Uint64() }
	p.judge(v(0), v(1), v(2), v(3)+v(4))
}

// judge acts on the bytes that are alive, were allocated since the start, are in
// use, and are kept though nothing is in them.
func (p *pacer) judge(live, total, used, empty uint64) {
	fresh := total - p.before
	p.before = total
	reserve := uint64(gcReserve)
	if fresh > quietBytes {
		reserve = gcBusy
	}
	if n := gcPercent(live, reserve); n != p.percent {
		p.percent = n
		debug.SetGCPercent(n)
	}
	if fresh > quietBytes {
		p.busy = true
		return
	}
	left := empty
	if used > live {
		left += used - live
	}
	if !p.busy {
		return
	}
	p.busy = false
	if left > max(leftBytes, live/leftShare) {
		// Twice: what pools hold survives the first collection.
		debug.FreeOSMemory()
		debug.FreeOSMemory()
	}
	p.release()
}
