package checks

import (
	"container/list"
	"time"
)

// Probes in flight are bounded, or a network that swallows packets would pile
// them up until memory and file descriptors are gone.
const (
	// laneLimit is how many probes of a lane are in flight at most. A probe
	// that waits for an answer costs some 20 KB and one file descriptor, so both
	// lanes full are 80 MB and 4,096 descriptors; 50,000 checks every 10 s need
	// this many only where an answer takes 400 ms.
	laneLimit = 2048
	// hostLimit is how many of them go to one host, whichever port: enough for
	// 640 checks every 10 s of a host that takes a second to answer, few enough
	// that 32 such hosts together fill a lane.
	hostLimit = 64
	// slowRun is how long a run takes that sends its check to the slow lane.
	slowRun = time.Second
)

// lane lets probes take turns: never more than its limit at a time, nor more
// than hostLimit to one host. What finds no place waits, first come first
// served within its host and host by host around, so that a host that answers
// slowly delays none but itself. Runner.mu guards it.
//
// There are two. A check whose last run was slow goes through the slow lane, so
// that any number of hosts that do not answer at all leave the other lane to
// those that do.
type lane struct {
	limit, perHost int
	inflight       int
	waiting        int
	hosts          map[string]*host // those with a probe in flight or in line
	ready          list.List        // of *host: a check waits, and only for the lane
}

// host is what a lane knows of one target host.
type host struct {
	name     string
	inflight int
	line     list.List     // of *task
	ready    *list.Element // its place in lane.ready, nil if it is not there
}

func newLane() *lane {
	return &lane{limit: laneLimit, perHost: hostLimit, hosts: make(map[string]*host)}
}

// enter takes a place for a probe of t to the host, or puts t in line.
func (l *lane) enter(t *task, name string) bool {
	h := l.hosts[name]
	if h == nil {
		h = &host{name: name}
		l.hosts[name] = h
	}
	// Whenever the lane has places, nobody is ready to take one.
	if l.inflight < l.limit && h.inflight < l.perHost {
		l.inflight++
		h.inflight++
		return true
	}
	t.turn = h.line.PushBack(t)
	l.waiting++
	l.settle(h)
	return false
}

// next takes a place for the first in line that there is one for; nil if there
// is none.
func (l *lane) next() (*task, string) {
	if l.inflight >= l.limit || l.ready.Len() == 0 {
		return nil, ""
	}
	h := l.ready.Remove(l.ready.Front()).(*host)
	h.ready = nil
	t := h.line.Front().Value.(*task)
	l.inflight++
	h.inflight++
	l.quit(t, h.name)
	return t, h.name
}

// leave gives a place back.
func (l *lane) leave(name string) {
	h := l.hosts[name]
	l.inflight--
	h.inflight--
	l.settle(h)
}

// quit takes t out of the line of the host.
func (l *lane) quit(t *task, name string) {
	h := l.hosts[name]
	h.line.Remove(t.turn)
	t.turn = nil
	l.waiting--
	l.settle(h)
}

// settle brings up to date whether h is ready, and whether it is known.
func (l *lane) settle(h *host) {
	switch waits := h.line.Len() > 0 && h.inflight < l.perHost; {
	case waits && h.ready == nil:
		h.ready = l.ready.PushBack(h)
	case !waits && h.ready != nil:
		l.ready.Remove(h.ready)
		h.ready = nil
	}
	if h.inflight == 0 && h.line.Len() == 0 {
		delete(l.hosts, h.name)
	}
}
