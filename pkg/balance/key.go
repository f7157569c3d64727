package balance

import (
	"context"
	"math/rand/v2"
)

type keyOfContext struct{}

// WithKey returns a context whose picks belong to key: ConsistentHash sends
// equal keys to the same instance. Other policies ignore it.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOfContext{}, hashString(key))
}

// hashOf is the hash of the context's key. A request without one may go
// anywhere.
func hashOf(ctx context.Context) uint64 {
	if h, ok := ctx.Value(keyOfContext{}).(uint64); ok {
		return h
	}
	return rand.Uint64()
}

// hashString is FNV-1a with a final mix, the same in every process: clients
// with the same list must agree.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads every bit over all others (the finalizer of MurmurHash3): FNV
// alone leaves similar names close together.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
