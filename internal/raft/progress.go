package raft

import (
	"container/heap"
	"context"
	"math"
	"sync"
	"sync/atomic"
)

// progress is an index that grows and can be waited for. It is how a read waits
// until this server has applied far enough.
//
// Reached costs one atomic load, Advance without waiters two; a mutex is taken
// only to start waiting and to wake who waits.
type progress struct {
	index  atomic.Uint64
	lowest atomic.Uint64 // least index waited for, MaxUint64 if nobody waits

	mu      sync.Mutex
	waiting waiterHeap
}

func newProgress(index uint64) *progress {
	p := &progress{}
	p.index.Store(index)
	p.lowest.Store(math.MaxUint64)
	return p
}

// Index returns the index reached.
func (p *progress) Index() uint64 { return p.index.Load() }

// Reached reports whether index has been reached.
func (p *progress) Reached(index uint64) bool { return p.index.Load() >= index }

// Advance moves the index up and wakes who waited for it. A smaller index
// changes nothing. It is called from one goroutine at a time.
func (p *progress) Advance(index uint64) {
	if index <= p.index.Load() {
		return
	}
	p.index.Store(index)
	if index < p.lowest.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
}

// Set is Advance that goes back, too: to another branch of the log, after a
// recovery by peers.json. Who has waited for more was told so before.
func (p *progress) Set(index uint64) {
	if index < p.index.Load() {
		p.index.Store(index)
		return
	}
	p.Advance(index)
}

// Wait returns when index has been reached, or the context's error.
func (p *progress) Wait(ctx context.Context, index uint64) error {
	if p.Reached(index) {
		return nil
	}
	p.mu.Lock()
	w := &waiter{index: index, done: make(chan struct{})}
	heap.Push(&p.waiting, w)
	p.lowest.Store(p.waiting[0].index)
	// Advance may have stored the index before it could see lowest: either it
	// sees the waiter, or the waiter sees the index here.
	p.release()
	p.mu.Unlock()

	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.at >= 0 {
		heap.Remove(&p.waiting, w.at)
		p.setLowest()
	}
	return ctx.Err()
}

// release wakes all whose index has been reached. The caller holds mu.
func (p *progress) release() {
	reached := p.index.Load()
	for len(p.waiting) > 0 && p.waiting[0].index <= reached {
		close(heap.Pop(&p.waiting).(*waiter).done)
	}
	p.setLowest()
}

func (p *progress) setLowest() {
	if len(p.waiting) == 0 {
		p.lowest.Store(math.MaxUint64)
		return
	}
	p.lowest.Store(p.waiting[0].index)
}

type waiter struct {
	index uint64
	at    int // position in the heap, -1 outside
	done  chan struct{}
}

// waiterHeap orders waiters by index, for container/heap.
type waiterHeap []*waiter

func (h waiterHeap) Len() int           { return len(h) }
func (h waiterHeap) Less(i, j int) bool { return h[i].index < h[j].index }
func (h waiterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *waiterHeap) Push(x any) {
	w := x.(*waiter)
	w.at = len(*h)
	*h = append(*h, w)
}

func (h *waiterHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.at = -1
	return w
}
