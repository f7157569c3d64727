package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationJSON(t *testing.T) {
	for in, want := range map[string]time.Duration{
		`"10s"`: 10 * time.Second, `"1h30m"`: 90 * time.Minute, `""`: 0, `null`: 0, `1000000000`: time.Second, `"-5s"`: -5 * time.Second,
	} {
		var d Duration
		require.NoError(t, json.Unmarshal([]byte(in), &d), in)
		require.Equal(t, Duration(want), d, in)
		b, err := json.Marshal(d)
		require.NoError(t, err)
		var again Duration
		require.NoError(t, json.Unmarshal(b, &again))
		require.Equal(t, d, again)
	}
	for _, in := range []string{`"10"`, `"soon"`, `true`, `{}`} {
		require.Error(t, json.Unmarshal([]byte(in), new(Duration)), in)
	}
	// Words that clients look for.
	require.ErrorContains(t, json.Unmarshal([]byte(`"soon"`), new(Duration)), `invalid duration "soon"`)
}
