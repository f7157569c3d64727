package registry

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// Clients that know no weights send zeros.
func TestUnsoundWeightsAreOneAndOne(t *testing.T) {
	one := api.Weights{Passing: 1, Warning: 1}
	for _, c := range []struct {
		given *api.Weights
		want  api.Weights
	}{
		{nil, one},
		{&api.Weights{}, one},
		{&api.Weights{Passing: -1, Warning: 2}, one},
		{&api.Weights{Passing: 3, Warning: -1}, one},
		{&api.Weights{Passing: 65536, Warning: 1}, one},
		{&api.Weights{Passing: 3}, api.Weights{Passing: 3}},
		{&api.Weights{Passing: 65535, Warning: 65535}, api.Weights{Passing: 65535, Warning: 65535}},
	} {
		s, err := catalogService(&api.Service{Service: "web", Weights: c.given})
		require.NoError(t, err)
		require.Equal(t, &c.want, s.Weights)
	}
}

// A service may come before its node; an agent's own registration may not.
func TestServiceBeforeItsNode(t *testing.T) {
	r := open(t, Config{Datacenter: "dc1"})
	r.lead()
	ctx := context.Background()
	reg := &api.CatalogRegistration{Node: "later", SkipNodeUpdate: true, Service: &api.Service{Service: "web"}}
	require.NoError(t, r.RegisterCatalog(ctx, reg))
	web, _ := r.State().Service("web")
	require.Len(t, web.Instances, 1)
	require.Empty(t, web.Instances[0].Node.Address)

	require.NoError(t, r.RegisterCatalog(ctx, &api.CatalogRegistration{Node: "later", Address: "10.0.0.1", ID: "0f1c9a52-6b0e-4d1e-9a77-0d2c5b8e4a10"}))
	web, _ = r.State().Service("web")
	require.Equal(t, "10.0.0.1", web.Instances[0].Node.Address)
}
