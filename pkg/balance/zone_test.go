package balance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestZoneShares(t *testing.T) {
	for _, c := range []struct {
		name                  string
		zone                  string
		near, nearListed, far int
		want                  float64
	}{
		{"no zones", "", 5, 5, 0, 1},
		{"all near", "a", 5, 5, 5, 1},
		{"nine tenths near", "a", 9, 10, 5, 1},
		{"half near", "a", 5, 10, 5, 0.7},
		{"a tenth near", "a", 1, 10, 5, 0.14},
		{"none near", "a", 0, 10, 5, 0},
		{"none far", "a", 1, 10, 0, 1},
	} {
		share, _ := Zone{Name: c.zone}.shares(c.near, c.nearListed, c.far)
		require.InDelta(t, c.want, float64(share)/whole, 0.001, c.name)
	}
}

func TestZoneIsPreferred(t *testing.T) {
	near, far := inZone("a"), inZone("b")
	inNode := func(x *api.Entry) { x.Node.Meta = map[string]string{"zone": "a"} }
	bad := status(api.Critical)
	for _, c := range []struct {
		name  string
		list  []*api.Entry
		local float64 // share of those in zone a
	}{
		{"healthy", []*api.Entry{entry("a1", near), entry("a2", inNode), entry("b1", far), entry("b2")}, 1},
		{"half", []*api.Entry{entry("a1", near), entry("a2", near, bad), entry("b1", far), entry("b2", far)}, 0.7},
		{"gone", []*api.Entry{entry("a1", near, bad), entry("a2", near, bad), entry("b1", far), entry("b2", far)}, 0},
		{"elsewhere", []*api.Entry{entry("b1", far), entry("b2", far)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range Policies() {
				b := openOn(t, newFakeRegistry(c.list...), WithZone(Zone{Name: "a"}), WithPolicy(p))
				got := counts(t, b, 5000)
				require.InDelta(t, c.local, float64(got["a1"]+got["a2"])/5000, 0.05, p)
			}
		})
	}
}

func TestZoneSpillsWhenFull(t *testing.T) {
	for _, p := range Policies() {
		b := openOn(t, newFakeRegistry(entry("a1", inZone("a")), entry("b1", inZone("b"))), WithZone(Zone{Name: "a", SpillAt: 10}), WithPolicy(p))
		got := map[string]int{}
		for range 14 {
			in, _, err := b.Pick(t.Context())
			require.NoError(t, err)
			got[in.ID()]++
		}
		require.Equal(t, map[string]int{"a1": 10, "b1": 4}, got, p)
	}
}
