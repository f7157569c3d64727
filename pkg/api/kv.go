package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// KV reads and writes keys. A key has no slash at its start and no empty, "."
// or ".." part between slashes: such a one is refused with kind Invalid.
type KV struct{ c *Client }

// KV returns the calls below /v1/kv.
func (c *Client) KV() KV { return KV{c} }

// Get returns a key. If there is none the error is of kind NotFound, and
// QueryMeta.Index is still what to wait on for it to come.
func (k KV) Get(ctx context.Context, key string, q *QueryOptions) (*KVPair, QueryMeta, error) {
	if err := named("key", key); err != nil {
		return nil, QueryMeta{}, err
	}
	list, meta, err := k.read(ctx, key, nil, q)
	if err == nil && len(list) == 0 {
		err = E(NotFound, fmt.Sprintf("no key %q", key))
	}
	if err != nil {
		return nil, meta, err
	}
	return list[0], meta, nil
}

// List returns all keys that begin with prefix, in byte order; "" is every
// key. None is no error.
func (k KV) List(ctx context.Context, prefix string, q *QueryOptions) ([]*KVPair, QueryMeta, error) {
	return k.read(ctx, prefix, url.Values{"recurse": {""}}, q)
}

func (k KV) read(ctx context.Context, key string, params url.Values, q *QueryOptions) ([]*KVPair, QueryMeta, error) {
	return decodeKeys[*KVPair](k.c.do(ctx, &request{method: http.MethodGet, path: kvPath(key), params: params, q: q, accept: isNotFound}))
}

// Keys returns the names of all keys that begin with prefix, in byte order.
// With a separator, names are cut after its first occurrence behind the
// prefix, and each is listed once. None is no error.
func (k KV) Keys(ctx context.Context, prefix, separator string, q *QueryOptions) ([]string, QueryMeta, error) {
	params := url.Values{"keys": {""}}
	if separator != "" {
		params.Set("separator", separator)
	}
	return decodeKeys[string](k.c.do(ctx, &request{method: http.MethodGet, path: kvPath(prefix), params: params, q: q, accept: isNotFound}))
}

// Put writes a key's value and flags, whatever is there.
func (k KV) Put(ctx context.Context, p *KVPair) error {
	return mustBeTrue(k.put(ctx, p, url.Values{}, false))
}

// CAS writes a key if it is still as p.ModifyIndex says; 0 means that it must
// not exist. It reports whether it did.
func (k KV) CAS(ctx context.Context, p *KVPair) (bool, error) {
	return k.put(ctx, p, url.Values{"cas": {strconv.FormatUint(p.ModifyIndex, 10)}}, false)
}

// Acquire writes a key and locks it for p.Session, unless another session has
// it. It reports whether p.Session holds it now. An unknown session is an
// error. Client.Lock is the safe way to hold a lock.
func (k KV) Acquire(ctx context.Context, p *KVPair) (bool, error) {
	return k.put(ctx, p, url.Values{"acquire": {p.Session}}, false)
}

// Release writes a key and unlocks it if p.Session holds it, which it reports.
func (k KV) Release(ctx context.Context, p *KVPair) (bool, error) {
	return k.put(ctx, p, url.Values{"release": {p.Session}}, false)
}

func (k KV) put(ctx context.Context, p *KVPair, params url.Values, repeatable bool) (done bool, err error) {
	if err := named("key", p.Key); err != nil {
		return false, err
	}
	if p.Flags != 0 {
		params.Set("flags", strconv.FormatUint(p.Flags, 10))
	}
	value := p.Value
	if value == nil {
		value = []byte{} // a body all the same
	}
	err = k.c.write(ctx, &request{
		method:     http.MethodPut,
		path:       kvPath(p.Key),
		params:     params,
		body:       value,
		ctype:      "application/octet-stream",
		repeatable: repeatable,
	}, nil, &done)
	return done, err
}

// Delete removes a key. That it does not exist is no error.
func (k KV) Delete(ctx context.Context, key string) error {
	if err := named("key", key); err != nil {
		return err
	}
	return mustBeTrue(k.delete(ctx, key, nil))
}

// DeleteCAS removes a key if it is still as index says. It reports whether the
// key is gone, also if it never was there.
func (k KV) DeleteCAS(ctx context.Context, key string, index uint64) (bool, error) {
	if err := named("key", key); err != nil {
		return false, err
	}
	return k.delete(ctx, key, url.Values{"cas": {strconv.FormatUint(index, 10)}})
}

// DeleteTree removes every key that begins with prefix; "" removes all.
func (k KV) DeleteTree(ctx context.Context, prefix string) error {
	return mustBeTrue(k.delete(ctx, prefix, url.Values{"recurse": {""}}))
}

func (k KV) delete(ctx context.Context, key string, params url.Values) (done bool, err error) {
	err = k.c.write(ctx, &request{method: http.MethodDelete, path: kvPath(key), params: params}, nil, &done)
	return done, err
}

func kvPath(key string) string { return "/v1/kv/" + escape(key) }

func isNotFound(status int) bool { return status == http.StatusNotFound }

// decodeKeys reads a list; nothing found, which is answered with 404 and no
// body, is the empty one.
func decodeKeys[T any](rep *reply, err error) ([]T, QueryMeta, error) {
	if err == nil && rep.status == http.StatusNotFound {
		return nil, rep.meta, nil
	}
	return decode[[]T](rep, err)
}

// mustBeTrue is for writes that have no condition to fail.
func mustBeTrue(done bool, err error) error {
	if err == nil && !done {
		return E(Internal, "server refused a write without condition")
	}
	return err
}
