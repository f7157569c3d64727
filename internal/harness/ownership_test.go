package harness_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// Servers die, are cut off and come back while instances are born and die.
// Watchers on every server see each living instance all the time and once, each
// dead one goes, and none that has gone comes back. REGISTRYD_SOAK makes it a
// thousand instances.
func TestFleetOutlivesItsServers(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	c := harness.New(t, harness.Options{Settings: map[string]string{"check_deregister_interval_min": "1s"}})
	f := newFleet(t, c)
	size, interval := 30, time.Second
	if harness.Soak(0) > 0 {
		size, interval = 1000, 5*time.Second
	}
	reader := c.AnyClient()
	born := func(n int) (ids []string) {
		for range n {
			ids = append(ids, f.add(rnd.IntN(c.Len()), interval))
		}
		return ids
	}
	f.awaitPassing(reader, born(size))

	ctx, stop := context.WithCancel(t.Context())
	var watchers sync.WaitGroup
	answers := make([]int, c.Len())
	t.Cleanup(func() { stop(); watchers.Wait() })
	for i := range c.Len() {
		watchers.Go(func() { answers[i] = f.watch(ctx, f.clients[i]) })
	}

	troubles := harness.Troubles()
	for range harness.Soak(4) {
		trouble := troubles[rnd.IntN(len(troubles))]
		t.Log(trouble.Name)
		own := rand.New(rand.NewPCG(rnd.Uint64(), 0))
		var troubled sync.WaitGroup
		troubled.Go(func() { trouble.Do(c, own, harness.Pause(own, 500*time.Millisecond, 4*time.Second)) })
		alive := f.alive()
		rnd.Shuffle(len(alive), func(i, j int) { alive[i], alive[j] = alive[j], alive[i] })
		dead := alive[:1+rnd.IntN(size/10)]
		for _, id := range dead {
			f.kill(id)
		}
		fresh := born(len(dead))
		troubled.Wait()
		f.awaitGone(reader, dead)
		f.awaitPassing(reader, fresh)
	}
	stop()
	watchers.Wait()
	t.Logf("%v answers", answers)
	c.Verify()
}

// A TTL is never cut short by a change of hands: the new owner gives it in full.
func TestTTLIsNeverEarly(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	c := harness.New(t, harness.Options{})
	const ttl = 2 * time.Second
	for round := range harness.Soak(2) {
		owner := rnd.IntN(c.Len())
		id := fmt.Sprintf("beat-%d", round)
		require.NoError(t, c.Client(owner).Agent().RegisterService(c.Context(), &api.ServiceRegistration{
			ID: id, Name: id, Address: "192.0.2.9", Port: 80,
			Check: &api.CheckRegistration{CheckID: id, Status: api.Critical, CheckDefinition: api.CheckDefinition{TTL: api.Duration(ttl)}},
		}))
		witness := c.Client((owner + 1) % c.Len())
		begun := time.Now() // before the heartbeat was sent: no later than it arrived
		require.NoError(t, witness.Agent().PassTTL(c.Context(), id, "alive"))
		harness.Pause(rnd, 0, ttl)()
		c.Kill(owner)
		harness.Await(t, "the TTL to run out", func() error {
			entries, _, err := witness.Health().Service(c.Context(), id, nil)
			if err != nil {
				return err
			}
			require.Len(t, entries, 1)
			if api.WorstStatus(entries[0].Checks) != api.Critical {
				return errors.New("not critical yet")
			}
			return nil
		})
		require.GreaterOrEqual(t, time.Since(begun), ttl)
		c.Start(owner)
		c.WaitHealthy()
	}
	c.Verify()
}

// While the owner of a check is cut off from the others, there is one verdict:
// that of the majority, who run the check now. What the old owner finds out
// meanwhile changes nothing, then and when it is back.
func TestCutOffOwnerHasNoSay(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	f := newFleet(t, c)
	owner := (c.WaitLeader() + 1) % c.Len()
	witness := c.Client((owner + 1) % c.Len())
	id := f.add(owner, time.Second) // number 0: registered with that server's agent
	f.awaitPassing(witness, []string{id})

	status := func(want string) {
		t.Helper()
		harness.Await(t, "the check to be "+want, func() error {
			got, err := f.read(c.Context(), witness, 0)
			if err == nil && got.status[id] != want {
				err = fmt.Errorf("it is %q", got.status[id])
			}
			return err
		})
	}
	c.Isolate(owner)
	harness.Await(t, "the instance to be handed over", func() error {
		entries, _, err := witness.Health().Service(c.Context(), fleetName, nil)
		if err != nil {
			return err
		}
		if entries[0].Node.Node == c.Name(owner) {
			return errors.New("still with the server that is cut off")
		}
		return nil
	})
	f.kill(id)
	status(api.Critical)
	before, err := f.read(c.Context(), witness, 0)
	require.NoError(t, err)
	c.Heal()
	c.WaitHealthy()
	// The old owner's runner had the check as critical, or as passing, too. Its
	// word would have moved the index of the service.
	after, err := f.read(c.Context(), c.Client(owner), 0)
	require.NoError(t, err)
	require.Equal(t, before, after)
	c.Verify()
}
