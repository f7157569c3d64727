package raft

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A state that was lost, behind a log that has been truncated, is not taken for
// an empty one.
func TestLostCheckpointIsRefused(t *testing.T) {
	c := newCluster(t)
	s := c.mustStart("a", func(cfg *Config) {
		cfg.BootstrapExpect = 1
		cfg.SnapshotThreshold, cfg.TrailingLogs, cfg.SnapshotInterval = 20, 5, 20*time.Millisecond
	})
	c.ready("a")
	for i := range 50 {
		c.apply("a", fmt.Sprintf("k%d=v", i))
	}
	c.eventually(func() error {
		if first, err := s.storage.logs.FirstIndex(); err != nil || first == 1 {
			return errors.New("log is whole")
		}
		return nil
	})
	c.kill("a")
	lost, err := openMapFSM(t.TempDir())
	require.NoError(t, err)
	cfg := s.cfg
	cfg.Listener = listen(t)
	_, err = Open(cfg, lost)
	require.ErrorContains(t, err, "holds a state up to index 0, but its raft log begins after index")

	// With its own state it starts.
	c.mustStart("a", nil)
	c.ready("a")
	require.Equal(t, 50, c.get("a").fsm.size())
}
