package registry

import (
	"context"
	"crypto/x509"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestQueryDefinitions(t *testing.T) {
	named := func(change func(*api.PreparedQuery)) *api.PreparedQuery {
		q := &api.PreparedQuery{Name: "q", Service: api.ServiceQuery{Service: "web"}}
		change(q)
		return q
	}
	for want, q := range map[string]*api.PreparedQuery{
		"":                                     named(func(*api.PreparedQuery) {}),
		"Must be bound to a session":           named(func(q *api.PreparedQuery) { q.Name = "" }),
		"Must provide a Service name to query": named(func(q *api.PreparedQuery) { q.Service.Service = "" }),
		"Bad NearestN, must be >= 0":           named(func(q *api.PreparedQuery) { q.Service.Failover.NearestN = -1 }),
		"DNS TTL '-1s', must be >=0":           named(func(q *api.PreparedQuery) { q.DNS.TTL = "-1s" }),
		"Bad DNS TTL 'soon': time: invalid duration \"soon\"": named(func(q *api.PreparedQuery) { q.DNS.TTL = "soon" }),
		"bad Template.Type 'guess'":                           named(func(q *api.PreparedQuery) { q.Template.Type = "guess" }),
		"Targets cannot be populated with NearestN or Datacenters": named(func(q *api.PreparedQuery) {
			q.Service.Failover = api.QueryFailover{NearestN: 1, Targets: []api.QueryFailoverTarget{{}}}
		}),
		"Couldn't load metadata pair ('', 'v'): Key cannot be blank": named(func(q *api.PreparedQuery) { q.Service.NodeMeta = map[string]string{"": "v"} }),
	} {
		err := checkQuery(q)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, api.Refused, want)
		require.EqualError(t, err, want)
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		for name, e := range map[string]api.UserEvent{
			"bad node pattern":     {Name: "e", NodeFilter: "("},
			"tag without service":  {Name: "e", TagFilter: "x"},
			"payload is too large": {Name: "e", Payload: make([]byte, 500)},
		} {
			_, err := r.FireEvent(context.Background(), &e)
			require.ErrorIs(t, err, api.Refused, name)
		}
		_, err := r.FireEvent(context.Background(), &api.UserEvent{})
		require.ErrorIs(t, err, api.Invalid)
		e, err := r.FireEvent(context.Background(), &api.UserEvent{Name: "e", ServiceFilter: "web", TagFilter: "v1"})
		require.NoError(t, err)
		require.Zero(t, e.LTime)
		require.Equal(t, e.ID, r.State().Events()[0].ID)
	})
}

func TestTxnIsCheckedBeforeItIsProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		before := r.cons.proposals()
		res, err := r.Txn(context.Background(), &store.Txn{Ops: []store.TxnOp{
			{KV: put("ok", "v")},
			{KV: put("", "v")},
			{Verb: store.CatalogSet, Node: &api.Node{Node: "n"}},
			{Verb: store.CatalogSet, Node: &api.Node{Node: "n", Address: "a", ID: "no-uuid"}},
			{Verb: store.CatalogDelete, At: "n", Service: &api.Service{ID: "x"}},
			{Verb: store.CatalogSet, Service: &api.Service{Service: "x"}},
			{Verb: store.CatalogGet, At: "n", Service: &api.Service{ID: "x"}},
			{Verb: store.CatalogSet, Check: &api.Check{Name: "c"}},
			{},
		}})
		require.NoError(t, err)
		var failed []int
		for _, f := range res.Faults {
			failed = append(failed, f.OpIndex)
		}
		require.Equal(t, []int{1, 2, 3, 4, 5, 7}, failed)
		require.Equal(t, before, r.cons.proposals())
		require.Nil(t, res.Items)

		res, index, err := r.ReadTxn(context.Background(), &store.Txn{Ops: []store.TxnOp{{KV: &store.KV{Verb: store.KVGetTree}}, {}}}, raft.Default, false)
		require.NoError(t, err)
		require.Empty(t, res.Faults)
		require.Equal(t, r.State().Index(), index)
	})
}

func TestAutopilotRulesAreStoredAndFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		synctest.Wait()
		c := *r.AutopilotConfig(r.State())
		require.EqualValues(t, 250, c.MaxTrailingLogs)
		require.NotZero(t, c.ModifyIndex)
		c.MaxTrailingLogs = 300
		ok, err := r.SetAutopilot(context.Background(), &c, true)
		require.NoError(t, err)
		require.True(t, ok)
		synctest.Wait()
		require.EqualValues(t, 300, r.cons.rules().MaxTrailingLogs)
		ok, err = r.SetAutopilot(context.Background(), &c, true)
		require.NoError(t, err)
		require.False(t, ok, "the index is old")
	})
}

func TestCertificateAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, Config{Connect: true, ClusterID: "11111111-2222-3333-4444-555555555555"})
		_, err := r.CA(r.State())
		require.ErrorIs(t, err, api.Unavailable)
		r.lead()
		synctest.Wait()
		ca, err := r.CA(r.State())
		require.NoError(t, err)
		roots, err := Roots(ca)
		require.NoError(t, err)
		require.Equal(t, "11111111-2222-3333-4444-555555555555.consul", roots.TrustDomain)
		require.Equal(t, roots.ActiveRootID, roots.Roots[0].ID)

		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM([]byte(roots.Roots[0].RootCert)))
		first, err := r.Leaf(r.State(), "web")
		require.NoError(t, err)
		cert, err := parseCert([]byte(first.CertPEM))
		require.NoError(t, err)
		_, err = cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: time.Now()})
		require.NoError(t, err)
		require.Equal(t, "spiffe://"+ca.TrustDomain+"/ns/default/dc/dc1/svc/web", cert.URIs[0].String())
		require.Equal(t, first.ServiceURI, cert.URIs[0].String())
		require.Equal(t, leafLife, cert.NotAfter.Sub(cert.NotBefore)-backdate)

		again, err := r.Leaf(r.State(), "web")
		require.NoError(t, err)
		require.Same(t, first, again)
		time.Sleep(leafLife * 2 / 3)
		next, err := r.Leaf(r.State(), "web")
		require.NoError(t, err)
		require.NotEqual(t, first.SerialNumber, next.SerialNumber)
		require.Greater(t, next.ModifyIndex, first.ModifyIndex)
	})
}

func TestNoCertificateAuthorityUnlessAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		_, err := r.Leaf(r.State(), "web")
		require.ErrorIs(t, err, api.Refused)
		require.Nil(t, r.State().CA())
	})
}

// TestCoordinatesConverge places three servers in a row, 10 ms apart.
func TestCoordinatesConverge(t *testing.T) {
	places := []*place{newPlace(), newPlace(), newPlace()}
	rtt := func(i, j int) time.Duration { return time.Duration(math.Abs(float64(i-j)) * 1e7) }
	for round := range 600 {
		for i, p := range places {
			j := (i + 1 + round%2) % 3
			other := places[j].get()
			p.measured(&other, rtt(i, j))
		}
	}
	for i, p := range places {
		for j, q := range places {
			if i == j {
				continue
			}
			a, b := p.get(), q.get()
			_, apart := direction(a.Vec, b.Vec)
			require.InDelta(t, rtt(i, j).Seconds(), apart+a.Height+b.Height, 0.002, "%d to %d", i, j)
		}
	}
	c := places[0].get()
	places[0].measured(&api.Coordinate{Vec: []float64{1}}, time.Second)
	places[0].measured(&c, time.Minute)
	require.Equal(t, c, places[0].get(), "what is no measurement changes nothing")
}

func TestCoordinateIsPublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		time.Sleep(2 * coordinatePace)
		require.Len(t, r.State().NodeCoordinates("s1"), 1)
		before := r.cons.proposals()
		time.Sleep(10 * coordinatePace)
		require.Equal(t, before, r.cons.proposals())
		for _, vec := range [][]float64{nil, {1, 2}, {math.NaN(), 0, 0, 0, 0, 0, 0, 0}} {
			err := r.SetCoordinate(context.Background(), &api.CoordinateEntry{Node: "s1", Coord: &api.Coordinate{Vec: vec}})
			require.ErrorIs(t, err, api.Refused)
		}
	})
}

func TestNearestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		for i, n := range []string{"far", "mid", "near", "unknown"} {
			r.do(&store.Register{Node: n, Address: "a"})
			if n != "unknown" {
				require.NoError(t, r.SetCoordinate(context.Background(), &api.CoordinateEntry{Node: n, Coord: &api.Coordinate{Vec: []float64{float64(3 - i), 0, 0, 0, 0, 0, 0, 0}}}))
			}
		}
		list := strings.Fields("unknown far mid near")
		same := func(s string) string { return s }
		require.Equal(t, "[near mid far unknown]", fmt.Sprint(Nearest(r.Registry, r.State(), "near", list, same)))
		require.Equal(t, "[unknown far mid near]", fmt.Sprint(Nearest(r.Registry, r.State(), "nobody", list, same)))
	})
}
