package checks

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The heap is compared with a plain list through random operations.
func TestDeadlinesAgainstAList(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	var d deadlines
	tasks := make([]*task, 100)
	for i := range tasks {
		tasks[i] = &task{place: -1}
	}
	model := make(map[*task]moment)
	for range 20_000 {
		k, at := tasks[rnd.IntN(len(tasks))], moment(1+rnd.IntN(1000))
		old, in := model[k]
		switch op := rnd.IntN(4); {
		case op == 0:
			d.remove(k)
			delete(model, k)
		case op == 1 && in:
			d.move(k, at)
			model[k] = at
		default:
			d.atMost(k, at)
			if !in || at < old {
				model[k] = at
			}
		}
		require.Len(t, d.items, len(model))
		first, at := d.first()
		if len(model) == 0 {
			require.Nil(t, first)
			continue
		}
		lowest := at
		for _, m := range model {
			lowest = min(lowest, m)
		}
		require.Equal(t, lowest, at)
		require.Equal(t, at, model[first])
	}
	var order []moment
	for len(d.items) > 0 {
		k, at := d.first()
		order = append(order, at)
		d.remove(k)
		require.Equal(t, int32(-1), k.place)
	}
	require.True(t, slices.IsSorted(order))
}

func TestTail(t *testing.T) {
	said := tail{limit: 4}
	for _, s := range []string{"", "a", "bc", "defghijklm", "n", "op"} {
		n, err := said.Write([]byte(s))
		require.NoError(t, err)
		require.Equal(t, len(s), n)
	}
	require.Equal(t, "mnop", said.String())
	require.Equal(t, "Captured 4 of 16 bytes\n...\nmnop", said.captured())
	require.LessOrEqual(t, cap(said.buf), 64)

	short := tail{limit: 4}
	_, _ = short.Write([]byte("abcd"))
	require.Equal(t, "abcd", short.captured())
	torn := tail{limit: 2}
	_, _ = torn.Write([]byte("xä!"))
	require.Equal(t, "\uFFFD!", torn.String())
}
