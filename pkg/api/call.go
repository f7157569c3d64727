package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// get reads path and decodes the answer.
func get[T any](ctx context.Context, c *Client, path string, params url.Values, q *QueryOptions) (T, QueryMeta, error) {
	return decode[T](c.do(ctx, &request{method: http.MethodGet, path: path, params: params, q: q}))
}

// decode turns the answer to a request into a T.
func decode[T any](rep *reply, err error) (T, QueryMeta, error) {
	var out T
	if err != nil {
		return out, QueryMeta{}, err
	}
	return out, rep.meta, rep.decode(&out)
}

// put writes in (nil: no body) to path and decodes the answer into out (nil:
// not looked at).
func (c *Client) put(ctx context.Context, path string, params url.Values, in, out any) error {
	return c.write(ctx, &request{method: http.MethodPut, path: path, params: params}, in, out)
}

// write sends r with in as its body.
func (c *Client) write(ctx context.Context, r *request, in, out any) error {
	if in != nil {
		body, err := encode(in)
		if err != nil {
			return err
		}
		r.body = body
	}
	rep, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	return rep.decode(out)
}

// encode writes v as JSON, leaving <, > and & as they are: filters and
// outputs are full of them.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, Wrap(Invalid, "encode request", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// escape writes a name into a path, where the server takes it with its
// slashes.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// named refuses an empty name, which would address the whole collection.
func named(what, name string) error {
	if name == "" {
		return E(Invalid, what+" must not be empty")
	}
	return nil
}
