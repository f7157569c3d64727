package store

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

var update = flag.Bool("update", false, "write the golden files of commands that have none")

// goldenCommands has one command of each kind with every field set. A form that
// came later stands at the end and has a file of its own.
func goldenCommands() []Command {
	def := &api.CheckDefinition{HTTP: "http://x", Method: "PUT", Header: map[string][]string{"A": {"b", ""}}, Body: "b", DisableRedirects: true, TLSServerName: "t",
		TLSSkipVerify: true, TCP: "t:1", TCPUseTLS: true, UDP: "u", GRPC: "g", GRPCUseTLS: true, H2PING: "h", H2PingUseTLS: true, Args: []string{"a"},
		DockerContainerID: "d", Shell: "s", OSService: "o", AliasNode: "an", AliasService: "as", TTL: api.Duration(time.Second), Interval: 2, Timeout: 3,
		SuccessBeforePassing: 4, FailuresBeforeWarning: 5, FailuresBeforeCritical: 6, DeregisterCriticalServiceAfter: 7, OutputMaxSize: 8}
	node := &api.Node{ID: "id", Node: "n", Address: "a", Datacenter: "dc1", TaggedAddresses: map[string]string{"lan": "l"}, Meta: map[string]string{"a": "1", "b": "2"}, CreateIndex: 1, ModifyIndex: 2}
	service := &api.Service{Kind: "k", ID: "s", Service: "svc", Tags: []string{"t", ""}, Address: "a", TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "w", Port: 1}},
		Meta: map[string]string{"m": "v"}, Port: -1, SocketPath: "p", Weights: &api.Weights{Passing: 1, Warning: 2}, EnableTagOverride: true, CreateIndex: 3, ModifyIndex: 4}
	check := &api.Check{Node: "n", CheckID: "c", Name: "cn", Status: "passing", Notes: "no", Output: "out", ServiceID: "s", ServiceName: "svc", ServiceTags: []string{},
		Type: "ttl", Interval: "1s", Timeout: "2s", ExposedPort: 9, Definition: &api.CheckDefinition{}, Probe: def, CreateIndex: 5, ModifyIndex: 6}
	kv := &KV{Verb: KVLock, Pair: api.KVPair{Key: "k", Value: []byte{0, 255}, Flags: 1 << 63, Session: "s", ModifyIndex: 7}}
	by := By{Server: "srv", Client: "10.0.0.1", Reason: "why"}
	return []Command{
		&Register{ID: "id", Node: "n", Address: "a", Datacenter: "dc1", TaggedAddresses: map[string]string{}, Meta: map[string]string{"k": ""}, SkipNodeUpdate: true,
			Service: service, Checks: []*api.Check{check}, KeepStatus: true, ReplaceChecks: true},
		&Deregister{Node: "n", ServiceID: "s", CheckID: "c", MustExist: true},
		&UpdateChecks{From: "s1", Updates: []CheckUpdate{{"n", "c", "critical", "out", ""}}},
		&Liveness{Node: "n", Alive: true, Output: "o"},
		kv,
		&SessionCreate{Session: api.Session{ID: "s", Name: "nm", Node: "n", LockDelay: -5, Behavior: "delete", TTL: "10s", NodeChecks: []string{}, ServiceChecks: []api.ServiceCheck{{ID: "c", Namespace: "ns"}}, CreateIndex: 1, ModifyIndex: 2}},
		&SessionDestroy{ID: "s"},
		&Txn{Ops: []TxnOp{{KV: kv}, {Verb: CatalogCAS, Node: node}, {Verb: CatalogSet, At: "n", Service: service}, {Verb: CatalogDelete, Check: check}, {Session: "s"}}},
		&QuerySet{Update: true, Query: api.PreparedQuery{ID: "q", Name: "nm", Session: "s", Token: "t", Template: api.QueryTemplate{Type: TemplatePrefix, Regexp: "r", RemoveEmptyTags: true},
			Service: api.ServiceQuery{Service: "svc", Failover: api.QueryFailover{NearestN: -1, Datacenters: []string{"d"}, Targets: []api.QueryFailoverTarget{{Peer: "p", Datacenter: "d"}, {}}},
				OnlyPassing: true, IgnoreCheckIDs: []string{"i"}, Near: "near", Tags: []string{"t"}, NodeMeta: map[string]string{"a": "b"}, ServiceMeta: map[string]string{}, Connect: true, Peer: "p", SamenessGroup: "g"},
			DNS: api.QueryDNS{TTL: "1s"}, CreateIndex: 1, ModifyIndex: 2}},
		&QueryDelete{ID: "q"},
		&Event{Event: api.UserEvent{ID: "e", Name: "nm", Payload: []byte("p"), NodeFilter: "n", ServiceFilter: "s", TagFilter: "t", Version: 1, LTime: 3}},
		&SetAutopilot{CAS: true, Config: api.AutopilotConfig{CleanupDeadServers: true, LastContactThreshold: 1, MaxTrailingLogs: 2, MinQuorum: 3, ServerStabilizationTime: 4,
			RedundancyZoneTag: "z", DisableUpgradeMigration: true, UpgradeVersionTag: "u", CreateIndex: 5, ModifyIndex: 6}},
		&Coordinates{Entries: []api.CoordinateEntry{{Node: "n", Segment: "s", Coord: &api.Coordinate{Vec: []float64{0, -1.5}, Error: 1, Adjustment: 2, Height: 3}}}},
		&ReapTombstones{Through: 9},
		&SetCA{CA: CA{ID: "i", TrustDomain: "t", Cert: []byte("c"), Key: []byte("k"), CreateIndex: 1, ModifyIndex: 2}},
		&RestorePart{Upload: "u", Seq: 1, Data: []byte("d")},
		&RestoreDone{Upload: "u", Parts: 2},
		&SetConfigEntry{Delete: true, CAS: true, Entry: ConfigEntry{Kind: "k", Name: "n", Body: []byte("{}"), CreateIndex: 1, ModifyIndex: 2}},
		&SetHistory{Limits: HistoryLimits{Count: 4096, Age: time.Hour}},

		&Register{Node: "n", Address: "a", Datacenter: "dc1", Service: &api.Service{ID: "s", Service: "svc", Locality: &api.Locality{Region: "r", Zone: "z"}}},
		&Register{Node: "n", Service: &api.Service{ID: "s", Service: "svc"}, By: by},
		&Deregister{Node: "n", By: by},
		&Liveness{Node: "n", By: by},
		&Txn{Ops: []TxnOp{{Session: "s"}}, By: by},
		&UpdateChecks{From: "s1", Floor: 3, Updates: []CheckUpdate{{Node: "n"}}},
		&Register{Checks: []*api.Check{{CheckID: "c", Probe: &api.CheckDefinition{Observers: 3}, Verdict: &api.CheckVerdict{CriticalSince: 1, DeregisterAt: 2, Votes: []api.CheckVote{{Server: "s1", Status: "passing"}, {}}}}}},
		&Register{Checks: []*api.Check{{CheckID: "c", Verdict: &api.CheckVerdict{Observed: "passing", Output: "o", HeldUntil: 3, GuardedUntil: 4, Flips: []int64{5, 0, -1}, Holds: 6}}}},
		&ServerLeft{Node: "n", Prune: true, Forget: []string{"id", ""}, By: by},
		&ChecksDue{Checks: []CheckRef{{"n", "c"}, {}}},
		&ChecksDue{Checks: []CheckRef{{"n", "c"}}, By: by},
		&UpdateChecks{Updates: []CheckUpdate{{"n", "c", "critical", "out", "192.0.2.7"}, {}}},
		&Register{Service: &api.Service{ID: "s", Service: "svc", Origin: "s1"}},
		&ServerLeft{Node: "n", Keep: true, Expire: []string{"id", ""}, By: by},
	}
}

// TestCommandsOfOldLogsAreRead reads the bytes of every command ever written:
// a file is never changed, a new form of a command gets a new one.
func TestCommandsOfOldLogsAreRead(t *testing.T) {
	kinds := map[byte]int{} // how many forms
	for _, c := range goldenCommands() {
		kinds[c.kind()]++
		path := filepath.Join("testdata", "commands", fmt.Sprintf("%02d-%d.hex", c.kind(), kinds[c.kind()]))
		if _, err := os.Stat(path); *update && err != nil {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(Encode(c))+"\n"), 0o644))
		}
		data := goldenBytes(t, path)
		back, err := Decode(data)
		require.NoError(t, err)
		require.Equal(t, c, back)
		require.Equal(t, data, Encode(c), "the bytes of kind %d have changed: logs of other versions differ", c.kind())
	}
	for k := byte(1); k < kindEnd; k++ {
		require.NotZero(t, kinds[k], "kind %d has no golden file", k)
	}
	files, err := filepath.Glob("testdata/commands/*.hex")
	require.NoError(t, err)
	for _, f := range files {
		c, err := Decode(goldenBytes(t, f))
		require.NoError(t, err, f)
		require.True(t, strings.HasPrefix(filepath.Base(f), fmt.Sprintf("%02d-", c.kind())), f)
	}
}

func goldenBytes(t *testing.T, path string) []byte {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	data, err := hex.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return data
}

func TestUnknownCommands(t *testing.T) {
	_, err := Decode([]byte{99})
	require.ErrorContains(t, err, "upgrade this server")
	c, err := Decode([]byte{99 | ignorable})
	require.NoError(t, err)
	require.Nil(t, c)
	_, err = Decode(nil)
	require.ErrorIs(t, err, errWire)
	_, err = Decode([]byte{kindKV, 0xff})
	require.ErrorIs(t, err, errWire)
}
