package harness

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Soak returns how many rounds a test is to do: few in an ordinary run, the
// number in REGISTRYD_SOAK when that is set.
func Soak(few int) int {
	if n, err := strconv.Atoi(os.Getenv("REGISTRYD_SOAK")); err == nil && n > 0 {
		return n
	}
	return few
}

// Random returns a source of random numbers, and prints its seed. It is the one
// in REGISTRYD_SEED if that is set; the same seed gives the same decisions, if
// not the same timing.
func Random(tb testing.TB) *rand.Rand {
	tb.Helper()
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("REGISTRYD_SEED"), 10, 64); err == nil {
		seed = s
	}
	tb.Logf("REGISTRYD_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// During runs n workers while f runs in the caller's goroutine, and returns
// when all have ended. Each worker repeats its work until f has returned.
func During(f func(), n int, work func(worker int, rnd *rand.Rand), rnd *rand.Rand) {
	over := make(chan struct{})
	var workers sync.WaitGroup
	for i := range n {
		own := rand.New(rand.NewPCG(rnd.Uint64(), uint64(i)))
		workers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					work(i, own)
				}
			}
		})
	}
	defer workers.Wait()
	defer close(over)
	f()
}

// Trouble is one thing that goes wrong with a cluster, and how it ends.
type Trouble struct {
	Name string
	Do   func(c *Cluster, rnd *rand.Rand, pause func())
}

// Troubles are what a cluster must survive without lying to anybody. pause lets
// the trouble last.
func Troubles() []Trouble {
	return []Trouble{
		{"kill the leader", func(c *Cluster, _ *rand.Rand, pause func()) {
			i := c.WaitLeader()
			c.Kill(i)
			pause()
			c.Start(i)
		}},
		{"kill any server", func(c *Cluster, rnd *rand.Rand, pause func()) {
			i := rnd.IntN(c.Len())
			c.Kill(i)
			pause()
			c.Start(i)
		}},
		{"isolate the leader", func(c *Cluster, _ *rand.Rand, pause func()) {
			c.Isolate(c.WaitLeader())
			pause()
			c.Heal()
		}},
		{"isolate any server", func(c *Cluster, rnd *rand.Rand, pause func()) {
			c.Isolate(rnd.IntN(c.Len()))
			pause()
			c.Heal()
		}},
		{"deafen the leader", func(c *Cluster, _ *rand.Rand, pause func()) {
			l := c.WaitLeader()
			for i := range c.Len() {
				if i != l {
					c.Cut(i, l)
				}
			}
			pause()
			c.Heal()
		}},
		{"cut one link", func(c *Cluster, rnd *rand.Rand, pause func()) {
			from := rnd.IntN(c.Len())
			c.Cut(from, (from+1+rnd.IntN(c.Len()-1))%c.Len())
			pause()
			c.Heal()
		}},
		{"hand the leadership over", func(c *Cluster, _ *rand.Rand, pause func()) {
			i := c.WaitLeader()
			if l := c.life(i); l != nil {
				// A refusal is no trouble, but no failure either.
				_ = l.server.Registry().Cluster().TransferLeadership(c.Context(), "")
			}
			pause()
		}},
	}
}

// Pause returns a function that waits for a random time between the limits.
func Pause(rnd *rand.Rand, least, most time.Duration) func() {
	return func() {
		t := time.NewTimer(least + time.Duration(rnd.Int64N(int64(most-least))))
		<-t.C
	}
}
