package raft

import (
	"context"

	hraft "github.com/hashicorp/raft"
)

// pipeline is the library's pipeline of entries to one follower with two
// additions: it notes what the follower is told of commits, and it ends at the
// first request that fails.
//
// The library stops taking answers then, but may be sending the next request
// but one, and that send waits until an earlier answer has been taken: for
// ever, and the follower gets nothing more from this leader. Closing the
// pipeline wakes it up.
type pipeline struct {
	hraft.AppendPipeline
	told     func(commit uint64)
	answers  chan hraft.AppendFuture
	finished context.Context
	finish   context.CancelFunc
}

// newPipeline wraps p; ctx is that of the transport. The caller runs pass.
func newPipeline(ctx context.Context, p hraft.AppendPipeline, told func(commit uint64)) *pipeline {
	w := &pipeline{AppendPipeline: p, told: told, answers: make(chan hraft.AppendFuture)}
	w.finished, w.finish = context.WithCancel(ctx)
	return w
}

// AppendEntries sends a request.
func (p *pipeline) AppendEntries(req *hraft.AppendEntriesRequest, resp *hraft.AppendEntriesResponse) (hraft.AppendFuture, error) {
	p.told(req.LeaderCommitIndex)
	return p.AppendPipeline.AppendEntries(req, resp)
}

// Consumer is where the library takes the answers from.
func (p *pipeline) Consumer() <-chan hraft.AppendFuture { return p.answers }

// Close ends the pipeline. A second call does nothing.
func (p *pipeline) Close() error {
	p.finish()
	return p.AppendPipeline.Close()
}

// pass hands answers on until the first that is no success. It ends with Close,
// which the library calls in any case, or with the transport.
func (p *pipeline) pass() {
	for {
		select {
		case f := <-p.AppendPipeline.Consumer():
			select {
			case p.answers <- f:
			case <-p.finished.Done():
				return
			}
			if f.Error() != nil || !f.Response().Success {
				_ = p.Close()
				return
			}
		case <-p.finished.Done():
			return
		}
	}
}
