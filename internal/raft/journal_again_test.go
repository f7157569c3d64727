package raft

import (
	"testing"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// A file is written over and over; what lies behind its end from an earlier
// time must never be taken for its continuation, however often the journal was
// opened and emptied since.
func TestJournalTellsItsTimesApart(t *testing.T) {
	for _, crashes := range []int{1, 2, 3} {
		j := newJournalTest(t)
		for _, l := range entries(1, 5, 1, 10) { // a batch each, all of one size
			require.NoError(t, j.StoreLogs([]*hraft.Log{l}))
		}
		require.NoError(t, j.DeleteRange(3, 5))
		for range crashes {
			j.crash()
		}
		require.NoError(t, j.StoreLogs(entries(3, 3, 2, 10)))
		want := append(entries(1, 2, 1, 10), entries(3, 3, 2, 10)...)
		j.crash()
		j.requireLogs(want)
		j.crash()
		j.requireLogs(want)
	}
}
