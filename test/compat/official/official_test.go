// Package official drives registryd through github.com/hashicorp/consul/api,
// the Go client that most programs in the world use. Each scenario runs against
// one server and against three, where every call may go to another server.
package official

import (
	"os"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Run(m)) }

// world is what a scenario runs against.
type world struct {
	servers []*rig.Server
	next    *atomic.Uint32
}

// home is the server whose agent a scenario uses: what is registered with an
// agent is listed by that one.
func (w world) home() *api.Client { return w.servers[len(w.servers)-1].Client() }

// client is a client of the next server in turn.
func (w world) client() *api.Client {
	return w.servers[int(w.next.Add(1))%len(w.servers)].Client()
}

// scenario is one area of the client's interface. Those in turn change what all
// others look at and run alone, behind the rest.
type scenario struct {
	name string
	run  func(*testing.T, world)
}

var (
	together = []scenario{
		{"Services", testServices},
		{"ServiceHash", testServiceHash},
		{"ServiceChecksReplaced", testServiceChecksReplaced},
		{"ServiceMaintenance", testServiceMaintenance},
		{"ChecksTTL", testChecksTTL},
		{"ChecksProbes", testChecksProbes},
		{"Catalog", testCatalog},
		{"CatalogFilters", testCatalogFilters},
		{"Health", testHealth},
		{"HealthBlocking", testHealthBlocking},
		{"KV", testKV},
		{"KVCounter", testKVCounter},
		{"KVLimits", testKVLimits},
		{"KVBlocking", testKVBlocking},
		{"Sessions", testSessions},
		{"SessionExpiry", testSessionExpiry},
		{"SessionChecks", testSessionChecks},
		{"Lock", testLock},
		{"LockContention", testLockContention},
		{"LockLost", testLockLost},
		{"LockTryOnce", testLockTryOnce},
		{"LockMisuse", testLockMisuse},
		{"Semaphore", testSemaphore},
		{"SemaphoreMisuse", testSemaphoreMisuse},
		{"TxnKV", testTxnKV},
		{"TxnCatalog", testTxnCatalog},
		{"Events", testEvents},
		{"PreparedQueries", testPreparedQueries},
		{"QueryTemplate", testQueryTemplate},
		{"ConfigEntries", testConfigEntries},
		{"Coordinates", testCoordinates},
		{"Operator", testOperator},
		{"Usage", testUsage},
		{"Self", testSelf},
		{"Members", testMembers},
		{"Status", testStatus},
		{"Metrics", testMetrics},
		{"Monitor", testMonitor},
		{"Debug", testDebug},
		{"CertificateAuthority", testCertificateAuthority},
		{"ErrorTexts", testErrorTexts},
		{"WatchKey", testWatchKey},
		{"WatchKeyPrefix", testWatchKeyPrefix},
		{"WatchServices", testWatchServices},
		{"WatchNodes", testWatchNodes},
		{"WatchService", testWatchService},
		{"WatchChecks", testWatchChecks},
		{"WatchEvent", testWatchEvent},
		{"WatchAgentService", testWatchAgentService},
		{"WatchConnect", testWatchConnect},
	}
	inTurn = []scenario{
		{"NodeMaintenance", testNodeMaintenance},
		{"AutopilotConfiguration", testAutopilotConfiguration},
		{"Snapshot", testSnapshot},
	}
)

// run runs all scenarios against the servers.
func run(t *testing.T, servers []*rig.Server) {
	w := world{servers: servers, next: new(atomic.Uint32)}
	t.Run("Together", func(t *testing.T) {
		for _, s := range together {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.run(t, w)
			})
		}
	})
	for _, s := range inTurn {
		t.Run(s.name, func(t *testing.T) { s.run(t, w) })
	}
}

// quick makes sessions and their lock delays short enough for a test.
var quick = map[string]any{"session_ttl_min": "1s"}

func TestOneServer(t *testing.T) {
	t.Parallel()
	run(t, []*rig.Server{rig.One(t, quick)})
}

func TestThreeServers(t *testing.T) {
	t.Parallel()
	c := rig.Three(t, quick)
	run(t, c.Servers)
	t.Run("LeaderTransfer", func(t *testing.T) { testLeaderTransfer(t, c) })
	t.Run("LeaderKilled", func(t *testing.T) { testLeaderKilled(t, c) })
}
