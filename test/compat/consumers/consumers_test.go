// Package consumers runs public programs' use of Consul, each as the module
// that they import, against three servers behind a load balancer, and kills the
// leader under all of them.
package consumers

import (
	"os"
	"sync"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Run(m)) }

// stage is what a consumer plays on.
type stage struct {
	front  string // host:port of the load balancer
	dns    string // host:port of the DNS of a server that lives on
	ready  func() // the consumer is at work: the leader may be killed
	killed <-chan struct{}
}

// client is an official client behind the load balancer.
func (s stage) client(t *testing.T) *api.Client { return rig.Client(t, s.front) }

// afterTheKill tells that the consumer is at work, and waits until the leader
// was killed and the survivors take writes again.
func (s stage) afterTheKill(t *testing.T) {
	t.Helper()
	s.ready()
	rig.Within(t, "the leader's death", s.killed)
}

// put writes a key, as often as it takes while the servers elect.
func put(t *testing.T, c *api.Client, key, value string) {
	t.Helper()
	rig.Eventually(t, "put "+key, func() error {
		_, err := c.KV().Put(&api.KVPair{Key: key, Value: []byte(value)}, nil)
		return err
	})
}

func TestConsumersOutliveTheLeader(t *testing.T) {
	consumers := map[string]func(*testing.T, stage){
		"GoKit":          testGoKit,
		"Ring":           testRing,
		"RingKV":         testRingKV,
		"ConsulTemplate": testConsulTemplate,
		"Prometheus":     testPrometheus,
		"Election":       testElection,
		"GRPC":           testGRPC,
	}
	cluster := rig.Three(t, nil)
	front := cluster.Front(t)
	survivor := cluster.Servers[0]
	if survivor == cluster.Leader(t) {
		survivor = cluster.Servers[1]
	}
	var ready sync.WaitGroup
	ready.Add(len(consumers))
	killed := make(chan struct{})
	t.Run("Together", func(t *testing.T) {
		for name, run := range consumers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				// A consumer that fails before does not keep the others waiting.
				once := sync.OnceFunc(ready.Done)
				t.Cleanup(once)
				run(t, stage{front: front, dns: survivor.DNS, ready: once, killed: killed})
			})
		}
		t.Run("Leader", func(t *testing.T) {
			t.Parallel()
			defer close(killed)
			ready.Wait()
			for cluster.Leader(t) == survivor { // it was elected meanwhile
				_, err := survivor.Client().Operator().RaftLeaderTransfer("", nil)
				require.NoError(t, err)
			}
			dead := cluster.KillLeader(t)
			cluster.AwaitWrites(t)
			peers, err := cluster.Leader(t).Client().Status().Peers()
			require.NoError(t, err)
			require.NotEmpty(t, peers)
			require.NotEqual(t, dead, cluster.Leader(t))
		})
	})
}
