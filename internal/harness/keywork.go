package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// KeyWork does random operations on a few keys and groups of keys, every value
// written once. Safe for concurrent use.
type KeyWork struct {
	read   *api.QueryOptions
	values atomic.Int64
}

// NewKeyWork returns a KeyWork that reads with the options.
func NewKeyWork(read *api.QueryOptions) *KeyWork { return &KeyWork{read: read} }

// Do does and records one operation, or a read and what follows from it.
func (k *KeyWork) Do(ctx context.Context, h *History, c *api.Client, clientID int, rnd *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	value := func() int { return int(k.values.Add(1)) }
	key, group := fmt.Sprintf("key%d", rnd.IntN(2)), "group"
	switch rnd.IntN(8) {
	case 0:
		return h.WriteKey(ctx, clientID, c, key, value())
	case 1:
		return h.WriteKey(ctx, clientID, c, key, 0)
	case 2, 3:
		old, err := h.ReadKey(ctx, clientID, c, key, k.read)
		if err != nil {
			return err
		}
		return h.SwapKey(ctx, clientID, c, key, old, value())
	case 4:
		return h.WriteGroup(ctx, clientID, c, group, value())
	case 5:
		old, err := h.ReadGroup(ctx, clientID, c, group, k.read)
		if err != nil || old == nil {
			return err
		}
		return h.SwapGroup(ctx, clientID, c, group, old, value())
	case 6:
		_, err := h.ReadGroup(ctx, clientID, c, group, k.read)
		return err
	}
	_, err := h.ReadKey(ctx, clientID, c, key, k.read)
	return err
}

// Begin makes the values begin behind n, to keep them apart from those of
// another KeyWork on the same keys.
func (k *KeyWork) Begin(n int64) { k.values.Store(n) }
