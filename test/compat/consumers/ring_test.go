package consumers

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/grafana/dskit/flagext"
	"github.com/grafana/dskit/kv/codec"
	"github.com/grafana/dskit/kv/consul"
	"github.com/grafana/dskit/ring"
	"github.com/grafana/dskit/services"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

const ringKey = "compat-ring"

// ringConfig is a ring kept in Consul.
func ringConfig(s stage) ring.Config {
	var c ring.Config
	flagext.DefaultValues(&c)
	c.KVStore.Store, c.KVStore.Prefix = "consul", "rings/"
	c.KVStore.Consul.Host = s.front
	c.KVStore.Consul.ConsistentReads = true
	c.KVStore.Consul.WatchKeyRateLimit = 0
	c.KVStore.Consul.CasRetryDelay = 50 * time.Millisecond
	c.HeartbeatTimeout = 20 * time.Second
	c.ReplicationFactor = 2
	return c
}

// member joins the ring and stays in it until the test ends, or stop is called.
func member(t *testing.T, s stage, n int) (stop func()) {
	t.Helper()
	var c ring.LifecyclerConfig
	flagext.DefaultValues(&c)
	c.RingConfig = ringConfig(s)
	c.NumTokens, c.HeartbeatPeriod, c.MinReadyDuration, c.FinalSleep = 16, 200*time.Millisecond, 0, 0
	c.ID, c.Addr, c.Port, c.UnregisterOnShutdown = fmt.Sprintf("member-%d", n), fmt.Sprintf("127.0.0.%d", n), 9000+n, true
	l, err := ring.NewLifecycler(c, ring.NewNoopFlushTransferer(), "compat", ringKey, false, log.NewNopLogger(), prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, services.StartAndAwaitRunning(context.Background(), l))
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := services.StopAndAwaitTerminated(ctx, l); err != nil {
			t.Errorf("member %d leaves: %v", n, err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// testRing keeps Grafana's hash ring: members join, beat and leave by
// compare-and-set on one key, and a reader watches it.
func testRing(t *testing.T, s stage) {
	leave := member(t, s, 1)
	member(t, s, 2)
	r, err := ring.New(ringConfig(s), "compat", ringKey, log.NewNopLogger(), prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, services.StartAndAwaitRunning(context.Background(), r))
	defer func() {
		require.NoError(t, services.StopAndAwaitTerminated(context.Background(), r))
	}()
	expect := func(n int) {
		t.Helper()
		rig.Eventually(t, fmt.Sprintf("the ring has %d healthy members", n), func() error {
			set, err := r.GetAllHealthy(ring.Read)
			if err == nil && len(set.Instances) != n {
				err = fmt.Errorf("it has %d", len(set.Instances))
			}
			return err
		})
	}
	expect(2)
	s.afterTheKill(t)
	expect(2)
	member(t, s, 3)
	expect(3)
	leave()
	expect(2)
	rig.Eventually(t, "both hold tokens and serve", func() error {
		_, err := r.Get(42, ring.Read, nil, nil, nil)
		return err
	})

	// The members beat on: their time stamps are of after the kill.
	begin := time.Now().Add(-time.Second)
	rig.Eventually(t, "fresh heartbeats", func() error {
		set, err := r.GetAllHealthy(ring.Read)
		if err != nil {
			return err
		}
		for _, i := range set.Instances {
			if !time.Unix(i.Timestamp, 0).After(begin) {
				return fmt.Errorf("%s beat last at %v", i.Id, time.Unix(i.Timestamp, 0))
			}
		}
		return nil
	})
}

// testRingKV uses the store beneath the ring as others of Grafana's programs
// do: writers that change one value together, and a watcher of a prefix.
func testRingKV(t *testing.T, s stage) {
	var c consul.Config
	c.RegisterFlags(flag.NewFlagSet("", flag.PanicOnError), "") // sets the defaults
	c.Host, c.WatchKeyRateLimit, c.CasRetryDelay, c.MaxCasRetries = s.front, 0, 20*time.Millisecond, 200
	client, err := consul.NewClient(c, codec.String{}, log.NewNopLogger(), prometheus.NewRegistry())
	require.NoError(t, err)

	seen := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		client.WatchPrefix(ctx, "ringkv/", func(_ string, v any) bool {
			seen <- v.(string)
			return true
		})
	}()
	defer func() { cancel(); <-watched }()

	add := func(n int) {
		for range n {
			require.NoError(t, client.CAS(t.Context(), "ringkv/sum", func(in any) (any, bool, error) {
				old, _ := in.(string)
				return old + "x", true, nil
			}))
		}
	}
	until := func(want string) {
		t.Helper()
		for rig.Within(t, "value "+want, seen) != want {
		}
	}
	add(5)
	until("xxxxx")
	s.afterTheKill(t)
	add(5)
	until("xxxxxxxxxx")
	keys, err := client.List(t.Context(), "ringkv/")
	require.NoError(t, err)
	require.Equal(t, []string{"ringkv/sum"}, keys)
	require.NoError(t, client.Delete(t.Context(), "ringkv/sum"))
}
