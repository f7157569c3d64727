package registry

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestCatalogRegistrationsThatAreRefused(t *testing.T) {
	node := func(change func(*api.CatalogRegistration)) *api.CatalogRegistration {
		r := &api.CatalogRegistration{Node: "n", Address: "10.0.0.1"}
		change(r)
		return r
	}
	probe := func(d api.CheckDefinition) *api.CatalogRegistration {
		return node(func(r *api.CatalogRegistration) { r.Check = &api.Check{CheckID: "c", Definition: &d} })
	}
	const s = api.Duration(time.Second)
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		before := r.cons.proposals()
		for _, c := range []struct {
			reg  *api.CatalogRegistration
			kind api.Kind
			text string
		}{
			{&api.CatalogRegistration{}, api.Refused, "Must provide node"},
			{&api.CatalogRegistration{Node: "n"}, api.Refused, "Must provide address if SkipNodeUpdate is not set"},
			{node(func(r *api.CatalogRegistration) { r.Datacenter = "mars" }), api.UnknownDC, "No path to datacenter"},
			{node(func(r *api.CatalogRegistration) { r.ID = "nope" }), api.Refused, "NodeID is not a valid UUID: nope"},
			{node(func(r *api.CatalogRegistration) { r.ID = "11111111222233334444555555555555" }), api.Refused, "not a valid UUID"},
			{node(func(r *api.CatalogRegistration) { r.Service = &api.Service{ID: "w"} }), api.Refused, "Must provide service name"},
			{node(func(r *api.CatalogRegistration) { r.Service = &api.Service{Service: "w", Address: "::"} }), api.Refused, "unspecified address"},
			{node(func(r *api.CatalogRegistration) { r.Check = &api.Check{} }), api.Refused, "Must provide CheckID or Name"},
			{probe(api.CheckDefinition{HTTP: "http://x"}), api.Invalid, `Invalid check "c": Interval must be > 0 for http checks`},
			{probe(api.CheckDefinition{H2PING: "x:1"}), api.Invalid, "Interval must be > 0 for h2ping checks"},
			{probe(api.CheckDefinition{HTTP: "http://x", TCP: "x:1", Interval: s}), api.Invalid, "exactly one kind of probe, not http and tcp"},
			{probe(api.CheckDefinition{TTL: s, TCP: "x:1"}), api.Invalid, "exactly one kind of probe, not ttl and tcp"},
			{probe(api.CheckDefinition{TTL: s, Interval: s}), api.Invalid, "Interval and TTL cannot both be specified"},
			{probe(api.CheckDefinition{TTL: -s}), api.Invalid, "TTL must not be negative"},
			{probe(api.CheckDefinition{UDP: "x:1", Interval: -s}), api.Invalid, "Interval must not be negative"},
			{probe(api.CheckDefinition{Args: []string{"x"}, GRPC: "x:1", Interval: s}), api.Invalid, "not grpc and script"},
			{probe(api.CheckDefinition{Args: []string{"x"}, Observers: 2}), api.Invalid, "Observers must not be above 1 for script checks"},
			{node(func(r *api.CatalogRegistration) { r.Checks = []*api.Check{{CheckID: "c", Node: "m"}} }), api.Refused, `check node "m" does not match node "n"`},
		} {
			err := r.RegisterCatalog(context.Background(), c.reg)
			require.ErrorIs(t, err, c.kind, c.text)
			require.ErrorContains(t, err, c.text)
		}
		require.ErrorIs(t, r.DeregisterCatalog(context.Background(), &api.CatalogDeregistration{}), api.Refused)
		require.ErrorIs(t, r.DeregisterCatalog(context.Background(), &api.CatalogDeregistration{Node: "n", Datacenter: "mars"}), api.UnknownDC)
		require.Equal(t, before, r.cons.proposals())
	})
}

// What another program runs is that program's to judge, and what is removed need
// not make sense any more.
func TestDefinitionsThatTheClusterDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		for i, d := range []*api.CheckDefinition{nil, {}, {Method: "GET"}, {Args: []string{"x"}}, {AliasService: "s"}, {OSService: "sshd"}, {DockerContainerID: "c"}} {
			require.NoError(t, r.RegisterCatalog(context.Background(), &api.CatalogRegistration{Node: "n", Address: "10.0.0.1",
				Check: &api.Check{CheckID: fmt.Sprint("c", i), Definition: d}}))
		}
		odd := func(v store.CatalogVerb) *store.Txn {
			return &store.Txn{Ops: []store.TxnOp{{Verb: v, Check: &api.Check{Node: "n", CheckID: "c1", Definition: &api.CheckDefinition{HTTP: "http://x"}}}}}
		}
		res, err := r.Txn(context.Background(), odd(store.CatalogSet))
		require.NoError(t, err)
		require.Equal(t, []store.TxnFault{{OpIndex: 0, What: `Invalid check "c1": Interval must be > 0 for http checks`}}, res.Faults)
		res, err = r.Txn(context.Background(), odd(store.CatalogDelete))
		require.NoError(t, err)
		require.Empty(t, res.Faults)
	})
}

func TestCatalogRegistrationsAsTheyAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		in := &api.CatalogRegistration{
			ID: "11111111-2222-3333-4444-555555555555", Node: "N", Address: "10.0.0.1", Datacenter: "dc1",
			Service: &api.Service{Service: "web", Weights: &api.Weights{}, CreateIndex: 99},
			Check:   &api.Check{Name: "last", Node: "n", Probe: &api.CheckDefinition{Args: []string{"rm"}}, ModifyIndex: 99},
			Checks:  []*api.Check{{CheckID: "a", Status: api.Passing, ServiceID: "web", Definition: &api.CheckDefinition{HTTP: "h", Interval: 1}}},
		}
		require.NoError(t, r.RegisterCatalog(context.Background(), in))
		require.Empty(t, in.Service.ID, "what the caller gave is the caller's")
		require.Equal(t, "last", in.Check.Name)
		require.Len(t, in.Checks, 1)

		v, _ := r.State().Node("n")
		require.Equal(t, "dc1", v.Node.Datacenter)
		i := v.Instance("web")
		require.Equal(t, &api.Weights{Passing: 1, Warning: 1}, i.Service.Weights)
		require.Less(t, i.Service.CreateIndex, uint64(99))
		require.Equal(t, "http", v.Check("a").Type)
		last := v.Check("last")
		require.Equal(t, api.Critical, last.Status)
		require.Nil(t, last.Probe, "a command cannot come in this way")
		require.Less(t, last.ModifyIndex, uint64(99))

		before := r.State().Index()
		require.NoError(t, r.RegisterCatalog(context.Background(), in))
		w, _ := r.State().Node("n")
		require.Same(t, v, w, "equal content changes nothing")
		require.Greater(t, r.State().Index(), before)
		require.NoError(t, r.DeregisterCatalog(context.Background(), &api.CatalogDeregistration{Node: "n"}))
		require.NoError(t, r.DeregisterCatalog(context.Background(), &api.CatalogDeregistration{Node: "n"}), "what is gone may be removed")
	})
}
