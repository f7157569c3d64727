package store

import (
	"encoding/hex"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// A registration with a locality is a later form of kind 1.
func TestLocalityIsKept(t *testing.T) {
	const path = "testdata/commands/01-2.hex"
	c := &Register{Node: "n", Address: "a", Datacenter: "dc1", Service: &api.Service{ID: "s", Service: "svc", Locality: &api.Locality{Region: "r", Zone: "z"}}}
	if _, err := os.Stat(path); *update && err != nil {
		require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(Encode(c))+"\n"), 0o644))
	}
	require.Equal(t, goldenBytes(t, path), Encode(c))
	back, err := Decode(goldenBytes(t, path))
	require.NoError(t, err)
	require.Equal(t, c.Service.Locality, back.(*Register).Service.Locality)

	s := openTest(t)
	require.NoError(t, s.apply(c).Err)
	v, _ := s.State().Service("svc")
	require.Equal(t, &api.Locality{Region: "r", Zone: "z"}, v.Instances[0].Service.Locality)
	index := v.CatalogIndex
	again := *c
	service := *c.Service
	service.Locality = &api.Locality{Region: "r", Zone: "z"}
	again.Service = &service
	require.NoError(t, s.apply(&again).Err)
	v, _ = s.State().Service("svc")
	require.Equal(t, index, v.CatalogIndex, "nothing changed")
	moved := *c
	elsewhere := *c.Service
	elsewhere.Locality = &api.Locality{Region: "r", Zone: "y"}
	moved.Service = &elsewhere
	require.NoError(t, s.apply(&moved).Err)
	v, _ = s.State().Service("svc")
	require.Greater(t, v.CatalogIndex, index)
}
