package official

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testLeaderTransfer(t *testing.T, c *rig.Cluster) {
	before := c.Leader(t)
	r, err := before.Client().Operator().RaftLeaderTransfer("", nil)
	require.NoError(t, err)
	require.True(t, r.Success)
	rig.Eventually(t, "another leads", func() error {
		if now := c.Leader(t); now == before {
			return fmt.Errorf("%s still leads", now.Name)
		}
		return nil
	})
}

// The leader is killed while a program holds a lock, another waits for it, and
// a third watches a service. None of them notices more than a pause.
func testLeaderKilled(t *testing.T, c *rig.Cluster) {
	front := c.Front(t)
	put(t, rig.Client(t, front), "survivor-1", "survivor", api.HealthPassing)
	seen := follow[[]*api.ServiceEntry](t, rig.Client(t, front), map[string]any{"type": "service", "service": "survivor"})
	until(t, "the first instance", seen, func(l []*api.ServiceEntry) bool { return len(l) == 1 })

	opts := &api.LockOptions{Key: "lock/survivor", SessionTTL: "30s", MonitorRetries: 50, MonitorRetryTime: 100 * time.Millisecond, LockDelay: time.Millisecond}
	held, err := rig.Client(t, front).LockOpts(opts)
	require.NoError(t, err)
	lost, err := held.Lock(nil)
	require.NoError(t, err)
	before, _, err := rig.Client(t, front).KV().Get(opts.Key, nil)
	require.NoError(t, err)

	dead := c.KillLeader(t)
	c.AwaitWrites(t)

	// What was acknowledged is there, and the lock is still held by its holder.
	client := rig.Client(t, front)
	pair, _, err := client.KV().Get(opts.Key, &api.QueryOptions{RequireConsistent: true})
	require.NoError(t, err)
	require.Equal(t, before.Session, pair.Session)
	require.Equal(t, before.LockIndex, pair.LockIndex)
	select {
	case <-lost:
		t.Fatal("the holder was told that the lock is lost")
	default:
	}
	second, err := client.LockOpts(&api.LockOptions{Key: opts.Key, MonitorRetries: 50, LockDelay: time.Millisecond})
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() {
		_, err := second.Lock(nil)
		got <- err
	}()
	require.NoError(t, held.Unlock())
	require.NoError(t, rig.Within(t, "the second holder", got))
	require.NoError(t, second.Unlock())

	// The dead server is marked, and no other instance with it.
	rig.Eventually(t, "serfHealth of the dead server is critical", func() error {
		checks, _, err := client.Health().Node(dead.Name, nil)
		if err == nil && checks.AggregatedStatus() != api.HealthCritical {
			err = fmt.Errorf("it is %s", checks.AggregatedStatus())
		}
		return err
	})
	// A watch that runs through the front goes on where it was.
	put(t, client, "survivor-2", "survivor", api.HealthPassing)
	until(t, "the second instance", seen, func(l []*api.ServiceEntry) bool { return len(l) == 2 })

	dead.Start(t)
	rig.Eventually(t, "the dead server is back", func() error {
		entries, _, err := dead.Client().Health().Service("consul", "", true, nil)
		if err == nil && len(entries) != len(c.Servers) {
			err = errCount(len(entries))
		}
		return err
	})
}
