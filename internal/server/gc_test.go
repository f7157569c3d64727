package server

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGCPercentAllowsTheReserve(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 400},
		{1 << 20, 400},
		{8 << 20, 200},
		{32 << 20, 80},
		{1 << 30, 80},
	} {
		require.Equal(t, c.want, gcPercent(c.live), c.live)
	}
}

func TestPacerGivesBackOnceItIsQuiet(t *testing.T) {
	released := 0
	p := newPacer(func() { released++ })
	defer func() {
		p.percent = 100
		debug.SetGCPercent(100)
	}()
	burst := make([][]byte, 40)
	for i := range burst {
		burst[i] = make([]byte, 1<<20)
	}
	p.look()
	require.True(t, p.busy)
	require.Zero(t, released)
	runtime.KeepAlive(burst)
	p.look()
	require.Equal(t, 1, released)
	p.look()
	require.Equal(t, 1, released)
}
