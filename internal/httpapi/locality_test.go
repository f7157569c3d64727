package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// The three forms of an instance show where it is.
func TestLocalityIsShown(t *testing.T) {
	body := `{"Name":"web","Locality":{"Region":"r","Zone":"z"}}`
	reg, err := decodeService(bodyRequest(body))
	require.NoError(t, err)
	want := &api.Locality{Region: "r", Zone: "z"}
	require.Equal(t, want, reg.Locality)
	in, err := decodeRegistration(bodyRequest(`{"Node":"n","Service":{"Service":"web","Locality":{"Region":"r","Zone":"z"}}}`))
	require.NoError(t, err)
	require.Equal(t, want, in.Service.Locality)

	i := &store.Instance{Node: &api.Node{Node: "n"}, Service: in.Service}
	var got struct{ Locality, ServiceLocality *api.Locality }
	require.NoError(t, json.Unmarshal(appendService(nil, i.Service), &got))
	require.Equal(t, want, got.Locality)
	require.NoError(t, json.Unmarshal(appendCatalogService(nil, i), &got))
	require.Equal(t, want, got.ServiceLocality)
	raw, err := json.Marshal(showService(i.Service))
	require.NoError(t, err)
	require.Contains(t, string(raw), `"Locality":{"Region":"r","Zone":"z"}`)
}
