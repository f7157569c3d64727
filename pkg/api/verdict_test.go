package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the servers remember of a check is none of its JSON, which is Consul's.
func TestVerdictsAreNotShown(t *testing.T) {
	c := Check{Node: "n", CheckID: "c", Definition: &CheckDefinition{}}
	plain, err := json.Marshal(c)
	require.NoError(t, err)
	c.Verdict = &CheckVerdict{CriticalSince: 1, DeregisterAt: 2, Votes: []CheckVote{{"s1", Passing}}, Observed: Passing, Output: "o", HeldUntil: 3, GuardedUntil: 4, Flips: []int64{5}, Holds: 6}
	with, err := json.Marshal(c)
	require.NoError(t, err)
	require.Equal(t, string(plain), string(with))
	require.NotContains(t, string(plain), "Observers")
	require.NoError(t, json.Unmarshal([]byte(`{"Verdict":{"Holds":1}}`), &c))
	require.Equal(t, 6, c.Verdict.Holds, "and nobody writes it that way")
}

// Nor is where an instance was registered first.
func TestOriginsAreNotShown(t *testing.T) {
	plain, err := json.Marshal(Service{ID: "w"})
	require.NoError(t, err)
	with, err := json.Marshal(Service{ID: "w", Origin: "s1"})
	require.NoError(t, err)
	require.Equal(t, string(plain), string(with))
}
