package harness_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// Who acquires, releases and loses a lock, with which LockIndex, and which
// writes it lets through: there is one order of events, whichever server told
// it.
func TestLocksAreLinearizable(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	h := harness.NewLockHistory()
	w, err := harness.NewLockWork(c.Context(), c.AnyClient(), troubled, nil)
	require.NoError(t, err)
	inTrouble(t, c, h, func(c *api.Client, worker int, rnd *rand.Rand) error {
		return w.Do(t.Context(), h, c, worker, rnd)
	})
}

// Holders who heed neither their lease nor the clock: whatever they write comes
// through before the next holder's first write, or not at all.
func TestHoldersNeverOverlap(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{Settings: map[string]string{"session_ttl_min": "1s"}})
	f := harness.NewFence("the/lock", troubled, time.Second)
	inTrouble(t, c, f, func(c *api.Client, worker int, rnd *rand.Rand) error {
		return f.Do(t.Context(), c, worker, rnd)
	})
	writes, holders := f.Counts()
	require.Greater(t, holders, 1)
	require.Greater(t, writes, holders)
}
