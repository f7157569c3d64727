package raft

import (
	"io"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// A follower that refuses entries, for a full disk or a gap, ends the pipeline;
// it must not keep the leader waiting in the middle of a send.
func TestPipelineEndsAtARefusal(t *testing.T) {
	open := func() *hraft.NetworkTransport {
		tr, err := hraft.NewTCPTransport("127.0.0.1:0", nil, 2, 10*time.Second, io.Discard)
		require.NoError(t, err)
		t.Cleanup(func() { tr.Close() })
		return tr
	}
	leader, follower := open(), open()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for {
			select {
			case rpc := <-follower.Consumer():
				rpc.Respond(&hraft.AppendEntriesResponse{Success: false}, nil)
			case <-stop:
				return
			}
		}
	}()
	p, err := leader.AppendEntriesPipeline("f", follower.LocalAddr())
	require.NoError(t, err)
	w := newPipeline(t.Context(), p, func(uint64) {})
	go w.pass()
	defer w.Close()
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		<-w.Consumer() // the library looks at the first answer and goes
	}()
	sent := make(chan error)
	go func() {
		for {
			if _, err := w.AppendEntries(&hraft.AppendEntriesRequest{}, &hraft.AppendEntriesResponse{}); err != nil {
				sent <- err
				return
			}
		}
	}()
	select {
	case err := <-sent:
		require.Error(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("a send waits for an answer that nobody takes")
	}
	<-taken
}
