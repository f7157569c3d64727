package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// kvGet serves GET /v1/kv/KEY: one key, all below a prefix, or their names.
func (h *Handler) kvGet(q *request) (reply, error) {
	switch {
	case q.has("keys"):
		return h.kvNames(q)
	case q.has("recurse"):
		return h.kvTree(q)
	case q.name == "":
		return reply{}, api.E(api.Invalid, "Missing key name")
	}
	raw := q.has("raw")
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		p, index, w := st.Key(q.name)
		l := look{index: index, watch: w}
		switch {
		case p == nil:
			l.status = http.StatusNotFound
		case raw:
			l.kind = "text/plain"
			// Browsers must not take a value for a page of this server.
			l.header = http.Header{"X-Content-Type-Options": {"nosniff"}, "Content-Security-Policy": {"sandbox"}}
			l.body = func() (*encoded, error) { return encode(p.Value), nil }
		default:
			l.body = func() (*encoded, error) {
				b := make([]byte, 0, 160+len(p.Key)+base64.StdEncoding.EncodedLen(len(p.Value)))
				return encode(append(appendPair(append(b, '['), p), ']')), nil
			}
		}
		return l, nil
	})
}

// kvTree serves ?recurse.
func (h *Handler) kvTree(q *request) (reply, error) {
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		index, w := st.KeyPrefix(q.name)
		l := look{index: index, watch: w}
		if len(firstPair(st, q.name)) == 0 {
			l.status = http.StatusNotFound
			return l, nil
		}
		l.body = func() (*encoded, error) {
			b := []byte{'['}
			st.Pairs(q.name, func(p *api.KVPair) bool {
				if len(b) > 1 {
					b = append(b, ',')
				}
				b = appendPair(b, p)
				return true
			})
			return encode(append(b, ']')), nil
		}
		return l, nil
	})
}

// firstPair returns the first pair below a prefix, if there is one.
func firstPair(st *store.State, prefix string) (l []*api.KVPair) {
	st.Pairs(prefix, func(p *api.KVPair) bool {
		l = append(l, p)
		return false
	})
	return l
}

// kvNames serves ?keys.
func (h *Handler) kvNames(q *request) (reply, error) {
	separator := q.get("separator")
	if separator == "" {
		separator = q.get("seperator")
	}
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		index, w := st.KeyPrefix(q.name)
		l := look{index: index, watch: w}
		if q.name != "" && len(firstPair(st, q.name)) == 0 {
			l.status = http.StatusNotFound
			return l, nil
		}
		l.body = func() (*encoded, error) { return encode(appendTags(nil, st.KeyNames(q.name, separator))), nil }
		return l, nil
	})
}

func appendPair(b []byte, p *api.KVPair) []byte {
	b = appendUint(b, `{"LockIndex":`, p.LockIndex)
	b = appendField(b, `,"Key":`, p.Key)
	b = appendUint(b, `,"Flags":`, p.Flags)
	b = append(b, `,"Value":`...)
	if len(p.Value) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(base64.StdEncoding.AppendEncode(append(b, '"'), p.Value), '"')
	}
	if p.Session != "" {
		b = appendField(b, `,"Session":`, p.Session)
	}
	b = appendUint(b, `,"CreateIndex":`, p.CreateIndex)
	return append(appendUint(b, `,"ModifyIndex":`, p.ModifyIndex), '}')
}

// kvPut serves PUT /v1/kv/KEY.
func (h *Handler) kvPut(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing key name")
	}
	op := &store.KV{Verb: store.KVSet, Pair: api.KVPair{Key: q.name}}
	if err := q.conflict("cas", "acquire", "release"); err != nil {
		return reply{}, err
	}
	var err error
	if q.has("flags") {
		if op.Pair.Flags, err = q.number("flags"); err != nil {
			return reply{}, err
		}
	}
	switch {
	case q.has("cas"):
		op.Verb = store.KVCAS
		if op.Pair.ModifyIndex, err = q.number("cas"); err != nil {
			return reply{}, err
		}
	case q.has("acquire"):
		op.Verb, op.Pair.Session = store.KVLock, q.get("acquire")
	case q.has("release"):
		op.Verb, op.Pair.Session = store.KVUnlock, q.get("release")
	}
	if op.Pair.Value, err = readValue(q, h.cfg.MaxValue); err != nil {
		return reply{}, err
	}
	return h.kvChange(q, op)
}

// kvDelete serves DELETE /v1/kv/KEY.
func (h *Handler) kvDelete(q *request) (reply, error) {
	op := &store.KV{Verb: store.KVDelete, Pair: api.KVPair{Key: q.name}}
	switch {
	case q.has("recurse") && q.has("cas"):
		return reply{}, api.E(api.Invalid, "Conflicting flags: cas and recurse")
	case q.has("recurse"):
		op.Verb = store.KVDeleteTree
	case q.name == "":
		return reply{}, api.E(api.Invalid, "Missing key name")
	case q.has("cas"):
		var err error
		if op.Pair.ModifyIndex, err = q.number("cas"); err != nil {
			return reply{}, err
		}
		op.Verb = store.KVDeleteCAS
	}
	return h.kvChange(q, op)
}

func (h *Handler) kvChange(q *request, op *store.KV) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	ok, err := h.reg.ChangeKey(q.Context(), op)
	return reply{body: boolBody(ok)}, err
}

var falseBody = encode([]byte("false"))

func boolBody(ok bool) *encoded {
	if ok {
		return trueBody
	}
	return falseBody
}

// conflict refuses a request that has more than one of the parameters.
func (q *request) conflict(names ...string) error {
	first := ""
	for _, n := range names {
		switch {
		case !q.has(n):
		case first != "":
			return api.E(api.Invalid, "Conflicting flags: "+first+" and "+n)
		default:
			first = n
		}
	}
	return nil
}

// number reads a parameter that is a whole number. One that is none is answered
// with 500, as by Consul.
func (q *request) number(name string) (uint64, error) {
	n, err := strconv.ParseUint(q.get(name), 10, 64)
	return n, api.Wrap(api.Refused, "Invalid "+name+" parameter", err)
}

// readValue reads the whole body as bytes, at most limit of them.
func readValue(q *request, limit int64) ([]byte, error) {
	tooLarge := api.E(api.TooLarge, fmt.Sprintf("Value exceeds %d byte limit: Request body is too large, max size: %d bytes", limit, limit))
	if q.ContentLength > limit {
		return nil, tooLarge
	}
	var b []byte
	var err error
	if q.ContentLength >= 0 {
		b = make([]byte, q.ContentLength)
		_, err = io.ReadFull(q.Body, b)
	} else {
		b, err = io.ReadAll(http.MaxBytesReader(q.w, q.Body, limit))
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return nil, tooLarge
	}
	return b, api.Wrap(api.Invalid, "read the body", err)
}
