package httpapi

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParamsAgreeWithTheLibrary holds the parser against net/url's.
func TestParamsAgreeWithTheLibrary(t *testing.T) {
	for _, raw := range []string{
		"", "passing", "passing&stale", "index=7&wait=10s", "tag=a&tag=b&&x=", "a=%41%20b+c&d=1&a=2", "a=b&c=%7e&%61=3&z", "=x", "a==b", "a;b=1", "a=%zz", "x=1&y=a;b",
		"a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=%20",
	} {
		want, wantErr := url.ParseQuery(raw)
		var p params
		err := p.parse(raw)
		require.Equal(t, wantErr != nil, err != nil, raw)
		if err != nil {
			continue
		}
		for k, v := range want {
			require.True(t, p.has(k), raw)
			require.Equal(t, v[0], p.get(k), raw)
			require.Equal(t, v, p.all(k), raw)
		}
		require.False(t, p.has("absent"), raw)
	}
}

func BenchmarkParams(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var p params
		if p.parse("passing&index=123456&wait=5m&stale") != nil || !p.has("stale") {
			b.Fatal("not parsed")
		}
	}
}
