package httpapi

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/pkg/api"
)

// shared are the parameters that every endpoint understands, as parsed.
type shared struct {
	name          string
	pretty, stale bool
	maxStale      time.Duration
	consistency   raft.Consistency
	cached        bool
	index         uint64
	wait          time.Duration
	hash          string
}

func TestSharedParameters(t *testing.T) {
	for _, c := range []struct {
		target string
		want   shared
	}{
		{"/p/", shared{}},
		{"/p/a/b", shared{name: "a/b"}},
		{"/p/a%20b", shared{name: "a b"}},
		{"/p/a?pretty", shared{name: "a", pretty: true}},
		{"/p/?pretty=false", shared{pretty: true}}, // it counts that it is there
		{"/p/?stale", shared{stale: true}},
		{"/p/?max_stale=5s", shared{stale: true, maxStale: 5 * time.Second}},
		{"/p/?stale&leader", shared{}},
		{"/p/?consistent", shared{consistency: raft.Consistent}},
		{"/p/?leader&consistent", shared{consistency: raft.Consistent}},
		{"/p/?cached", shared{cached: true}},
		{"/p/?cached&stale", shared{cached: true, stale: true}},
		{"/p/?index=18446744073709551615&wait=90s", shared{index: 18446744073709551615, wait: 90 * time.Second}},
		{"/p/?index=&wait=", shared{}},
		{"/p/?wait=-1s", shared{wait: -time.Second}},
		{"/p/?hash=abc", shared{hash: "abc"}},
		{"/p/?ns=&partition=", shared{}},
		{"/p/?unheard=of", shared{}},
	} {
		q := &request{}
		require.NoError(t, (&Handler{}).parseInto(q, nil, httptest.NewRequest("GET", c.target, nil), "/p/"), c.target)
		got := shared{q.name, q.pretty, q.stale, q.maxStale, q.consistency, q.cached, q.index, q.wait, q.hash}
		require.Equal(t, c.want, got, c.target)
	}
	q, err := (&Handler{cfg: Config{AlwaysPretty: true}}).parse(nil, httptest.NewRequest("GET", "/p/", nil), "/p/")
	require.NoError(t, err)
	require.True(t, q.pretty)
}

func TestSharedParametersThatAreRefused(t *testing.T) {
	const enterpriseText = "Invalid query parameter: namespaces and partitions are a Consul Enterprise feature"
	for _, c := range []struct {
		query, header string
		kind          api.Kind
		text          string
	}{
		{"stale&consistent", "", api.Invalid, "Cannot specify ?stale with ?consistent, conflicting semantics."},
		{"max_stale=1s&consistent", "", api.Invalid, "Cannot specify ?stale with ?consistent, conflicting semantics."},
		{"cached&consistent", "", api.Invalid, "Cannot specify ?cached with ?consistent, conflicting semantics."},
		{"max_stale=soon", "", api.Invalid, `Invalid max_stale value "soon"`},
		{"wait=10", "", api.Invalid, "Invalid wait time"},
		{"index=-1", "", api.Invalid, "Invalid index"},
		{"index=1.5", "", api.Invalid, "Invalid index"},
		{"index=18446744073709551616", "", api.Invalid, "Invalid index"},
		{"ns=team", "", api.Invalid, enterpriseText},
		{"partition=p", "", api.Invalid, enterpriseText},
		{"pretty", "X-Consul-Namespace", api.Invalid, enterpriseText},
		{"", "X-Consul-Partition", api.Invalid, enterpriseText},
		{"a=%zz", "", api.Refused, "refused"},
		{"a=b;c", "", api.Refused, "refused"},
	} {
		r := httptest.NewRequest("GET", "/p/?"+c.query, nil)
		if c.header != "" {
			r.Header.Set(c.header, "x")
		}
		_, err := (&Handler{}).parse(nil, r, "/p/")
		require.ErrorIs(t, err, c.kind, c.query)
		require.EqualError(t, err, c.text, c.query)
	}
}

// parsed returns a request with the query string.
func parsed(t *testing.T, query string) *request {
	t.Helper()
	q, err := (&Handler{}).parse(httptest.NewRecorder(), httptest.NewRequest("GET", "/?"+query, nil), "/")
	require.NoError(t, err)
	return q
}

func TestDatacenterSpellings(t *testing.T) {
	for query, want := range map[string]string{"": "", "dc=a": "a", "datacenter=b": "b", "dc=a&datacenter=b": "b"} {
		require.Equal(t, want, parsed(t, query).datacenter(), query)
	}
}

func TestCacheControl(t *testing.T) {
	for value, wrong := range map[string]string{
		"":                             "",
		"no-cache":                     "",
		"max-age=0":                    "",
		"max-age=30, stale-if-error=9": "",
		"max-age":                      "",
		"private=x":                    "",
		"max-age=soon":                 "Invalid max-age in the Cache-Control header",
		"max-age=1,stale-if-error=-1":  "Invalid stale-if-error in the Cache-Control header",
		"max-age=99999999999":          "Invalid max-age in the Cache-Control header",
	} {
		q := parsed(t, "cached")
		q.Header.Set("Cache-Control", value)
		err := q.cacheControl()
		if wrong == "" {
			require.NoError(t, err, value)
			continue
		}
		require.ErrorIs(t, err, api.Invalid, value)
		require.EqualError(t, err, wrong)
	}
}

func TestNodeMetaParameter(t *testing.T) {
	for _, c := range []struct {
		query string
		want  map[string]string
	}{
		{"", nil},
		{"node-meta=rack:1", map[string]string{"rack": "1"}},
		{"node-meta=rack:1&node-meta=zone:a:b", map[string]string{"rack": "1", "zone": "a:b"}},
		{"node-meta=bare", map[string]string{"bare": ""}},
	} {
		require.Equal(t, c.want, parsed(t, c.query).nodeMeta(), c.query)
	}
	have := map[string]string{"rack": "1", "zone": ""}
	for _, c := range []struct {
		want map[string]string
		fits bool
	}{
		{nil, true},
		{map[string]string{"rack": "1"}, true},
		{map[string]string{"rack": "2"}, false},
		{map[string]string{"zone": ""}, true},
		{map[string]string{"row": ""}, false},
		{map[string]string{"rack": "1", "row": "2"}, false},
	} {
		require.Equal(t, c.fits, hasMeta(have, c.want), "%v", c.want)
	}
}

func TestPassingParameter(t *testing.T) {
	for query, want := range map[string]bool{"": false, "stale": false, "passing": true, "passing=": true, "passing=1": true, "passing=true": true, "passing=false": false} {
		s, err := parsed(t, query).selection(filterEntry{})
		require.NoError(t, err, query)
		require.Equal(t, want, s.passing, query)
		require.True(t, s.plain(), query)
	}
	_, err := parsed(t, "passing=perhaps").selection(filterEntry{})
	require.ErrorIs(t, err, api.Invalid)
	for _, query := range []string{"tag=a", "node-meta=a:b", "near=n", "filter=Node.Node==n"} {
		s, err := parsed(t, query).selection(filterEntry{})
		require.NoError(t, err, query)
		require.False(t, s.plain(), "%s: the answer must not be one that is kept", query)
	}
}
