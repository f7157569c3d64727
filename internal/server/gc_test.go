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
		require.Equal(t, c.want, gcPercent(c.live, gcReserve), c.live)
	}
}

func TestPacerGivesBackOnceItIsQuiet(t *testing.T) {
	const mb = 1 << 20
	released := 0
	p := newPacer(func() { released++ })
	defer debug.SetGCPercent(100)
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	before := collections()
	p.judge(10*mb, 100*mb, 50*mb, 0)
	require.Zero(t, released, "while it is busy")
	require.Equal(t, before, collections())
	p.judge(10*mb, 100*mb+1, 50*mb, 0)
	require.Equal(t, 1, released, "40 MB were left behind")
	require.Greater(t, collections(), before)
	before = collections()
	p.judge(10*mb, 100*mb+2, 50*mb, 0)
	require.Equal(t, 1, released, "once is enough")
	p.judge(10*mb, 200*mb, 12*mb, 0)
	p.judge(10*mb, 200*mb, 12*mb, mb)
	require.Equal(t, 2, released, "pages of files cost nothing to give back")
	p.judge(100*mb, 300*mb, 105*mb, 0)
	p.judge(100*mb, 300*mb, 105*mb, 0)
	require.Equal(t, before, collections(), "too little to be worth it")
}
