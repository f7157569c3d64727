package api

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQueryOptionsOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name   string
		q      *QueryOptions
		want   string // as Encode writes it
		header http.Header
	}{
		{"nil", nil, "", nil},
		{"zero", &QueryOptions{}, "", nil},
		{"wait", &QueryOptions{Index: 42, Wait: 90 * time.Second}, "index=42&wait=1m30s", nil},
		{"hash", &QueryOptions{Hash: "ab"}, "hash=ab", nil},
		{"stale", &QueryOptions{Consistency: ReadStale}, "stale=", nil},
		{"consistent", &QueryOptions{Consistency: ReadConsistent}, "consistent=", nil},
		{"max stale", &QueryOptions{MaxStale: time.Second}, "max_stale=1s&stale=", nil},
		{"select", &QueryOptions{Near: "_agent", Tags: []string{"a", "b"}, Passing: true, Filter: `Node == "x"`},
			"filter=Node+%3D%3D+%22x%22&near=_agent&passing=1&tag=a&tag=b", nil},
		{"history", &QueryOptions{Limit: 3, After: 7, Since: time.Unix(1, 0).UTC()}, "after=7&limit=3&since=1970-01-01T00%3A00%3A01Z", nil},
		{"meta", &QueryOptions{NodeMeta: map[string]string{"zone": "z1"}, Limit: 3}, "limit=3&node-meta=zone%3Az1", nil},
		{"elsewhere", &QueryOptions{Datacenter: "dc2", Token: "t"}, "dc=dc2", http.Header{"X-Consul-Token": {"t"}}},
		{"cached", &QueryOptions{Cached: true}, "cached=", nil},
		{"cache bounds", &QueryOptions{Cached: true, MaxAge: 1500 * time.Millisecond, StaleIfError: time.Minute}, "cached=",
			http.Header{"Cache-Control": {"max-age=2, stale-if-error=60"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, h := url.Values{}, http.Header{}
			tt.q.apply(v, h)
			require.Equal(t, tt.want, v.Encode())
			if tt.header == nil {
				tt.header = http.Header{}
			}
			require.Equal(t, tt.header, h)
		})
	}
}

func TestQueryMetaFromHeaders(t *testing.T) {
	h := http.Header{}
	for name, value := range map[string]string{
		"X-Consul-Index": "17", "X-Consul-LastContact": "25", "X-Consul-KnownLeader": "true",
		"X-Consul-Effective-Consistency": "stale", "X-Consul-ContentHash": "ab", "X-Cache": "HIT", "Age": "3",
		"X-Consul-Results-Filtered-By-ACLs": "true",
	} {
		h.Set(name, value)
	}
	require.Equal(t, QueryMeta{
		Index: 17, LastContact: 25 * time.Millisecond, KnownLeader: true, Consistency: "stale",
		ContentHash: "ab", CacheHit: true, CacheAge: 3 * time.Second, FilteredACL: true,
	}, parseMeta(h))
	require.Equal(t, QueryMeta{}, parseMeta(http.Header{"X-Consul-Index": {"-1"}, "Age": {"old"}}))
}
