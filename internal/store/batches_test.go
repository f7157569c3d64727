package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// anyCommand returns one command out of few names, so that they meet.
func anyCommand(r *rand.Rand) Command {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	node, name := pick("n0", "n1", "n2"), pick("web", "Web", "db", "consul")
	id, checkID := pick("i0", "i1", "I1"), pick("c0", "c1", "C1")
	status := pick(api.Passing, api.Warning, api.Critical)
	key, sessionID := pick("a", "a/b", "a/c", "b", "ab"), pick("s0", "s1", "s2")
	switch r.IntN(20) {
	case 0, 1, 2:
		c := instance(node, name, id, check(checkID, id, status))
		c.Service.Port = r.IntN(3)
		c.ReplaceChecks, c.KeepStatus = r.IntN(3) == 0, r.IntN(3) == 0
		c.Address = fmt.Sprint("10.0.0.", 1+r.IntN(3))
		if name != "consul" && r.IntN(2) == 0 {
			c.Service.Address = "10.9.9.9"
		}
		return c
	case 3:
		return &Register{Node: node, Address: "10.0.0.1", Checks: []*api.Check{{CheckID: api.SerfHealth, Name: "serf", Status: api.Passing}}}
	case 4:
		return &Register{Node: node, Address: "10.0.0.1", Checks: []*api.Check{check("node-"+checkID, "", status)}}
	case 5:
		return instance(node, name, id, &api.Check{CheckID: checkID, Name: checkID, ServiceID: id, Status: status,
			Probe: &api.CheckDefinition{TCP: "10.0.0.1:1", Interval: seconds(10), Observers: r.IntN(3), DeregisterCriticalServiceAfter: seconds(60)}})
	case 6:
		return &Deregister{Node: node, ServiceID: id}
	case 7:
		return &Deregister{Node: node, CheckID: checkID}
	case 8:
		return &Deregister{Node: node, MustExist: r.IntN(2) == 0}
	case 9, 10:
		return &UpdateChecks{Updates: []CheckUpdate{{Node: node, CheckID: checkID, Status: status, Output: "o" + status}}}
	case 11:
		return &Liveness{Node: node, Alive: r.IntN(2) == 0, Output: "x"}
	case 12:
		return []Command{set(key, "v"), del(key), delTree(key)}[r.IntN(3)]
	case 13:
		return lock(key, sessionID)
	case 14:
		return session(sessionID, node, checkID)
	case 15:
		return &SessionDestroy{ID: sessionID}
	case 16:
		return &Txn{Ops: []TxnOp{kvOp(KVSet, key, "t", 0), {Verb: CatalogSet, Node: &api.Node{Node: node, Address: "10.0.0.7"}}, kvOp(KVGet, "b", "", 0)}}
	case 17:
		return &ServerLeft{Node: node, Keep: r.IntN(2) == 0}
	case 18:
		return &ChecksDue{Checks: []CheckRef{{node, checkID}}}
	default:
		return &ReapTombstones{Through: uint64(r.IntN(200))}
	}
}

// described returns what answers are made of, indexes included.
func described(s *State) string {
	var b strings.Builder
	s.services.Root().Walk(func(k []byte, v *ServiceView) bool {
		fmt.Fprintf(&b, "%s h=%d c=%d n=%d", k, v.HealthIndex, v.CatalogIndex, len(v.Instances))
		for _, i := range v.Instances {
			fmt.Fprintf(&b, " %s:%s/%s/%s@%s/%d", v.Name, i.Node.Node, i.Service.ID, i.Status, i.Node.Address, len(i.Checks()))
		}
		b.WriteByte('\n')
		return false
	})
	s.nodes.Root().Walk(func(k []byte, v *NodeView) bool {
		fmt.Fprintf(&b, "%s c=%d h=%d p=%d\n", k, v.CatalogIndex, v.ChecksIndex, v.Probes)
		return false
	})
	for i, t := range s.tables {
		fmt.Fprintf(&b, "t%d=%d ", i, t.Index)
	}
	fmt.Fprintf(&b, "\nprobed %d due %d observed %d guarded %d ids %d refuges %v",
		s.probed.Len(), s.due.Len(), s.observed.Len(), s.guarded.Len(), s.nodeIDs.Len(), s.refuges)
	return b.String()
}

// TestBatchesDoNotMatter applies the same random logs one by one, in random
// batches, and in batches with restarts in between, as servers of a cluster do:
// state, answers and results must be the same. REGISTRYD_SEED repeats one log,
// REGISTRYD_SOAK multiplies their number.
func TestBatchesDoNotMatter(t *testing.T) {
	logs, seed := 20, rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv("REGISTRYD_SOAK")); err == nil {
		logs *= n
	}
	if n, err := strconv.ParseUint(os.Getenv("REGISTRYD_SEED"), 10, 64); err == nil {
		logs, seed = 1, n
	}
	for range logs {
		r := rand.New(rand.NewPCG(seed, 1))
		log := []Command{&SetHistory{Limits: HistoryLimits{Count: 20}}}
		for range 60 {
			log = append(log, anyCommand(r))
		}
		var wantBytes []byte
		var wantAnswers string
		var wantResults []Result
		for mode := range 3 {
			s := openTest(t)
			var results []Result
			pr := rand.New(rand.NewPCG(seed, uint64(mode)))
			for rest := log; len(rest) > 0; {
				n := 1
				if mode > 0 {
					n = min(len(rest), 1+pr.IntN(12))
				}
				results = append(results, s.batch(rest[:n]...)...)
				rest = rest[n:]
				if mode == 2 && pr.IntN(4) == 0 {
					s.reopen()
				}
			}
			data, answers := snapshotOf(t, s.State()), described(s.State())
			if mode == 0 {
				wantBytes, wantAnswers, wantResults = data, answers, results
			}
			require.Equal(t, wantAnswers, answers, "REGISTRYD_SEED=%d, mode %d", seed, mode)
			require.Equal(t, wantResults, results, "REGISTRYD_SEED=%d, mode %d", seed, mode)
			require.Equal(t, wantBytes, data, "REGISTRYD_SEED=%d, mode %d", seed, mode)
			require.NoError(t, s.Close())
		}
		seed = r.Uint64()
	}
}
