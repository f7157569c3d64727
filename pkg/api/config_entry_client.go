package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// ConfigEntries writes and reads config entries of any kind that the servers
// keep. CheckPolicies does it for the kind that they act on.
type ConfigEntries struct{ c *Client }

// ConfigEntries returns the calls below /v1/config.
func (c *Client) ConfigEntries() ConfigEntries { return ConfigEntries{c} }

// Set stores an entry in the place of the one of that kind and name.
func (s ConfigEntries) Set(ctx context.Context, e *ConfigEntry) error {
	return mustBeTrue(s.set(ctx, e, nil))
}

// CAS stores an entry if the one in its place is still as e.ModifyIndex says; 0
// means that there must be none. It reports whether it did.
func (s ConfigEntries) CAS(ctx context.Context, e *ConfigEntry) (bool, error) {
	return s.set(ctx, e, url.Values{"cas": {strconv.FormatUint(e.ModifyIndex, 10)}})
}

// set writes an entry, of whatever type it is.
func (s ConfigEntries) set(ctx context.Context, entry any, params url.Values) (done bool, err error) {
	err = s.c.put(ctx, "/v1/config", params, entry, &done)
	return done, err
}

// Get returns an entry. The error is of kind NotFound if there is none.
func (s ConfigEntries) Get(ctx context.Context, kind, name string, q *QueryOptions) (*ConfigEntry, QueryMeta, error) {
	return getConfigEntry[*ConfigEntry](ctx, s.c, kind, name, q)
}

// List returns all entries of a kind, in order of name.
func (s ConfigEntries) List(ctx context.Context, kind string, q *QueryOptions) ([]*ConfigEntry, QueryMeta, error) {
	return listConfigEntries[*ConfigEntry](ctx, s.c, kind, q)
}

// Delete removes an entry; that there is none is fine.
func (s ConfigEntries) Delete(ctx context.Context, kind, name string) error {
	return s.delete(ctx, kind, name, nil, nil)
}

// DeleteCAS removes an entry if it is still as index says. It reports whether it
// did.
func (s ConfigEntries) DeleteCAS(ctx context.Context, kind, name string, index uint64) (done bool, err error) {
	err = s.delete(ctx, kind, name, url.Values{"cas": {strconv.FormatUint(index, 10)}}, &done)
	return done, err
}

func (s ConfigEntries) delete(ctx context.Context, kind, name string, params url.Values, out any) error {
	path, err := configPath(kind, name)
	if err != nil {
		return err
	}
	return s.c.write(ctx, &request{method: http.MethodDelete, path: path, params: params}, nil, out)
}

// getConfigEntry reads an entry as a T.
func getConfigEntry[T any](ctx context.Context, c *Client, kind, name string, q *QueryOptions) (T, QueryMeta, error) {
	path, err := configPath(kind, name)
	if err != nil {
		var none T
		return none, QueryMeta{}, err
	}
	return get[T](ctx, c, path, nil, q)
}

// listConfigEntries reads the entries of a kind as Ts.
func listConfigEntries[T any](ctx context.Context, c *Client, kind string, q *QueryOptions) ([]T, QueryMeta, error) {
	if err := named("config entry kind", kind); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]T](ctx, c, "/v1/config/"+escape(kind), nil, q)
}

func configPath(kind, name string) (string, error) {
	if err := named("config entry kind", kind); err != nil {
		return "", err
	}
	if err := named("config entry name", name); err != nil {
		return "", err
	}
	return "/v1/config/" + escape(kind) + "/" + escape(name), nil
}
