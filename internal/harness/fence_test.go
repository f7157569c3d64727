package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// What Fence takes for an overlap.
func TestOverlaps(t *testing.T) {
	use := func(token, count uint64, session string, call, end time.Duration, index uint64) fenced {
		return fenced{token: api.FencingToken{ModifyIndex: token, LockIndex: count}, session: session, call: call, end: end, index: index}
	}
	for name, c := range map[string]struct {
		seen     []fenced
		problems int
	}{
		"nobody":                   {nil, 0},
		"one after the other":      {[]fenced{use(5, 1, "a", 0, 1, 0), use(5, 1, "a", 2, 3, 6), use(9, 2, "b", 4, 5, 0), use(9, 2, "b", 6, 7, 10)}, 0},
		"answers cross":            {[]fenced{use(5, 1, "a", 0, 9, 6), use(9, 2, "b", 4, 5, 10)}, 0},
		"late by raft's index":     {[]fenced{use(5, 1, "a", 0, 9, 12), use(9, 2, "b", 4, 5, 10)}, 1},
		"late by the clock":        {[]fenced{use(5, 1, "a", 6, 7, 6), use(9, 2, "b", 4, 5, 10)}, 1},
		"two with one token":       {[]fenced{use(5, 1, "a", 0, 1, 6), use(5, 1, "b", 0, 1, 7)}, 1},
		"the count runs backwards": {[]fenced{use(5, 2, "a", 0, 1, 6), use(9, 1, "b", 2, 3, 10)}, 1},
		"a write before its token": {[]fenced{use(5, 2, "a", 0, 1, 4)}, 1},
	} {
		require.Len(t, overlaps(c.seen), c.problems, name)
	}
}
