package raft

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/registryd/registryd/pkg/api"
)

// callApplyAll is the kind of a call that forwards several commands. The
// request is each command behind its length (uvarint). The answer has for each,
// in order, a frame behind its length (uvarint): a status byte (0 fine, else
// 1+api.Kind), then the index (uint64) and the state machine's result, or the
// text of the error.
const callApplyAll = "raft.apply-all"

const (
	// forwardsInFlight is how many calls with commands are under way at once.
	// With one, a command would wait for the answer to those before it; with
	// many, each call would carry one command.
	forwardsInFlight = 3
	// forwardCount and forwardBytes bound the commands of one call.
	forwardCount = 256
	forwardBytes = 1 << 20
)

// forwarder brings the commands of this server to the leader. Commands that
// arrive while others are under way travel together: under load, what a call
// costs at both ends is shared by many.
type forwarder struct {
	node *Node

	mu    sync.Mutex
	queue []*forwarded
	calls int // under way
}

type forwarded struct {
	cmd   []byte
	sent  bool // guarded by forwarder.mu
	done  chan struct{}
	reply []byte // as answerApply's
	err   error
}

// Apply has the leader apply the command and returns as answerApply does. When
// ctx ends before the command was sent its error is returned as it is.
func (f *forwarder) Apply(ctx context.Context, cmd []byte) ([]byte, error) {
	c := &forwarded{cmd: cmd, done: make(chan struct{})}
	f.mu.Lock()
	f.queue = append(f.queue, c)
	if f.calls < forwardsInFlight {
		if !f.node.proposals.spawn(f.run) {
			f.queue = f.queue[:len(f.queue)-1]
			f.mu.Unlock()
			return nil, errClosed
		}
		f.calls++
	}
	f.mu.Unlock()
	select {
	case <-c.done:
		return c.reply, c.err
	case <-ctx.Done():
		if f.withdraw(c) {
			return nil, ctx.Err()
		}
		return nil, api.Wrap(api.OutcomeUnknown, "gave up waiting for the leader's answer", ctx.Err())
	case <-f.node.proposals.closed:
		if f.withdraw(c) {
			return nil, errClosed
		}
		return nil, api.E(api.OutcomeUnknown, "server shut down while the write was in flight")
	}
}

// withdraw takes a command back that was not sent yet.
func (f *forwarder) withdraw(c *forwarded) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.sent {
		return false
	}
	for i, q := range f.queue {
		if q == c {
			f.queue = append(f.queue[:i], f.queue[i+1:]...)
			break
		}
	}
	return true
}

// run sends what waits until nothing does.
func (f *forwarder) run() {
	for {
		batch := f.take()
		if batch == nil {
			return
		}
		f.send(batch)
		for _, c := range batch {
			close(c.done)
		}
	}
}

// take returns the commands of the next call; nil, and the caller is no longer
// counted, when there are none.
func (f *forwarder) take() []*forwarded {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, size := 0, 0
	for n < len(f.queue) && n < forwardCount && (n == 0 || size+len(f.queue[n].cmd) <= forwardBytes) {
		size += len(f.queue[n].cmd)
		f.queue[n].sent = true
		n++
	}
	if n == 0 {
		f.calls--
		return nil
	}
	batch := f.queue[:n:n]
	if f.queue = f.queue[n:]; len(f.queue) == 0 {
		f.queue = nil // let go of the array
	}
	return batch
}

// send makes one call and gives each command its reply or error.
func (f *forwarder) send(batch []*forwarded) {
	ctx := f.node.ctx
	if len(batch) == 1 {
		batch[0].reply, batch[0].err = f.node.CallLeader(ctx, callApply, batch[0].cmd)
		return
	}
	var req []byte
	for _, c := range batch {
		req = binary.AppendUvarint(req, uint64(len(c.cmd)))
		req = append(req, c.cmd...)
	}
	answer, err := f.node.CallLeader(ctx, callApplyAll, req)
	handOut(batch, answer, err)
}

// handOut gives each command of a call its part of the answer. What the answer
// says nothing of may have happened.
func handOut(batch []*forwarded, answer []byte, err error) {
	for _, c := range batch {
		var frame []byte
		if err == nil {
			frame, answer, err = cutFrame(answer)
		}
		switch {
		case err != nil:
			c.err = err
		case len(frame) == 0:
			c.err = api.E(api.OutcomeUnknown, "the leader's answer is cut short")
		case frame[0] == 0:
			c.reply = frame[1:]
		default:
			c.err = decodeError(frame[0], string(frame[1:]))
		}
	}
}

// cutFrame takes one frame off the front of b.
func cutFrame(b []byte) (frame, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, api.E(api.OutcomeUnknown, "a message between servers is cut short")
	}
	return b[used : used+int(n)], b[used+int(n):], nil
}

// answerApplyAll serves forwarded commands. They are proposed in order, each
// for itself: one may be refused and the next go through.
func (n *Node) answerApplyAll(ctx context.Context, req []byte) ([]byte, error) {
	var waiting []<-chan proposed
	var refused []error
	for len(req) > 0 {
		cmd, rest, err := cutFrame(req)
		if err == nil && len(cmd) == 0 {
			err = api.E(api.Invalid, "empty command")
		}
		if err != nil {
			if len(waiting) == 0 {
				return nil, api.Wrap(api.Invalid, "read forwarded commands", err)
			}
			break // the sender takes what is missing for unknown
		}
		req = rest
		done, err := n.begin(seal(cmd))
		waiting, refused = append(waiting, done), append(refused, err)
	}
	var answer []byte
	for i, done := range waiting {
		p, err := proposed{}, refused[i]
		if err == nil {
			p, err = n.await(ctx, done)
		}
		answer = appendApplied(answer, p, err)
	}
	return answer, nil
}

// appendApplied writes the frame that tells what became of one command.
func appendApplied(b []byte, p proposed, err error) []byte {
	if err != nil {
		status, text := encodeError(err)
		b = binary.AppendUvarint(b, uint64(1+len(text)))
		return append(append(b, status), text...)
	}
	result, _ := p.result.([]byte)
	b = binary.AppendUvarint(b, uint64(1+8+len(result)))
	b = binary.BigEndian.AppendUint64(append(b, 0), p.index)
	return append(b, result...)
}
