package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func bodyRequest(body string) *request {
	w := httptest.NewRecorder()
	return &request{Request: httptest.NewRequest("PUT", "/", strings.NewReader(body)), w: w}
}

func TestEventIndexIsThatOfClients(t *testing.T) {
	require.EqualValues(t, uint64(0x0123456789abcdef^0xfedcba9876543211), eventIndex("01234567-89ab-cdef-fedc-ba9876543211"))
	for _, odd := range []string{"", "x", "zzzzzzzz-89ab-cdef-fedc-ba9876543211", "00000000-0000-0000-0000-000000000000"} {
		require.EqualValues(t, 1, eventIndex(odd), "never 0: %q", odd)
	}
}

func TestLockDelaySpellings(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"20s"`: 20 * time.Second, `"0s"`: 0, `5`: 5 * time.Second, `0`: 0, `999`: 999 * time.Second, `1000`: 1000, `7000000000`: 7 * time.Second, `"-1s"`: -time.Second,
	} {
		var l lockDelay
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		require.Equal(t, want, l.d, text)
	}
	require.Error(t, json.Unmarshal([]byte(`"a while"`), new(lockDelay)))
}

func TestPairAsJSON(t *testing.T) {
	for _, p := range []*api.KVPair{
		{Key: "k", Value: []byte{0, 255}, Flags: 1 << 63, CreateIndex: 1, ModifyIndex: 2},
		{Key: `odd "<é`, LockIndex: 3, Session: "s"},
	} {
		want, err := json.Marshal(p)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(appendPair(nil, p)))
	}
}

func TestConfigEntrySpellings(t *testing.T) {
	for body, want := range map[string]string{
		`{"Kind":"service-defaults","Name":"web","Protocol":"http","Meta":{"a":"b"}}`:                    `{"Meta":{"a":"b"},"Protocol":"http"}`,
		`{"kind":"service-defaults","name":"web","max_inbound_connections":5,"Namespace":"","Hash":7}`:   `{"MaxInboundConnections":5}`,
		`{"Kind":"proxy-defaults","Name":"global","Config":{"n":12345678901234567890},"CreateIndex":99}`: `{"Config":{"n":12345678901234567890}}`,
	} {
		e, err := decodeConfigEntry(bodyRequest(body))
		require.NoError(t, err, body)
		require.Equal(t, want, string(e.Body))
	}
	for body, kind := range map[string]api.Kind{
		``:                                     api.Invalid,
		`[]`:                                   api.Invalid,
		`{"Name":"x"}`:                         api.Invalid,
		`{"Kind":5}`:                           api.Invalid,
		`{"Kind":"spaceship","Name":"x"}`:      api.Invalid,
		`{"Kind":"service-router","Name":"x"}`: api.Invalid,
		`{"Kind":"service-defaults"}`:          api.Refused,
		`{"Kind":"proxy-defaults","Name":"x"}`: api.Refused,
		`{"Kind":"service-defaults","Name":"x","Colour":1}`:       api.Invalid,
		`{"Kind":"service-defaults","Name":"x","Protocol":1}`:     api.Invalid,
		`{"Kind":"service-defaults","Name":"x","Namespace":"n1"}`: api.Invalid,
	} {
		_, err := decodeConfigEntry(bodyRequest(body))
		require.ErrorIs(t, err, kind, body)
	}
}

func TestCheckPolicySpellings(t *testing.T) {
	const damping = `{"Damping":{"Changes":5,"Window":"1m0s","Hold":"30s","MaxHold":"10m0s"}}`
	for body, want := range map[string]string{
		`{"Kind":"check-policy","Name":"web"}`:                                                             `{}`,
		`{"Kind":"check-policy","Name":"web","Damping":null,"Guard":null}`:                                 `{}`,
		`{"Kind":"check-policy","Name":"web","Damping":{}}`:                                                damping,
		`{"kind":"check-policy","name":"*","damping":{"changes":5,"max_hold":"10m"}}`:                      damping,
		`{"Kind":"check-policy","Name":"web","Damping":{"Hold":"1h"}}`:                                     `{"Damping":{"Changes":5,"Window":"1m0s","Hold":"1h0m0s","MaxHold":"1h0m0s"}}`,
		`{"Kind":"check-policy","Name":"web","Guard":{},"Meta":{"a":"b"}}`:                                 `{"Guard":{"Share":0.5,"Hold":"5m0s"},"Meta":{"a":"b"}}`,
		`{"Kind":"check-policy","Name":"web","Guard":{"Share":0.2,"Hold":2000000000}}`:                     `{"Guard":{"Share":0.2,"Hold":"2s"}}`,
		`{"Kind":"check-policy","Name":"web","Hash":9,"CreateIndex":7,"ModifyIndex":18446744073709551615}`: `{}`,
	} {
		e, err := decodeConfigEntry(bodyRequest(body))
		require.NoError(t, err, body)
		require.Equal(t, want, string(e.Body))
	}
	for body, want := range map[string]string{
		`{"Kind":"check-policy"}`:                                          `Invalid check policy: Name is required: a service's name, or "*" for all`,
		`{"Kind":"check-policy","Name":"a/b"}`:                             `Invalid check policy: Name "a/b" is no service's name`,
		`{"Kind":"check-policy","Name":"web","Colour":1}`:                  `Request decoding failed: invalid config key "Colour"`,
		`{"Kind":"check-policy","Name":"web","Damping":{"Colour":1}}`:      `Request decoding failed: invalid config key "Damping.Colour"`,
		`{"Kind":"check-policy","Name":"web","Guard":{"Window":"1m"}}`:     `Request decoding failed: invalid config key "Guard.Window"`,
		`{"Kind":"check-policy","Name":"web","Damping":{"Window":"soon"}}`: `Request decoding failed: Damping.Window: invalid duration "soon": use a number with a unit such as 10s`,
		`{"Kind":"check-policy","Name":"web","Damping":5}`:                 `Request decoding failed: Damping must be an object, not a number`,
		`{"Kind":"check-policy","Name":"web","Damping":{"Changes":-1}}`:    `Invalid check policy: Damping.Changes is -1: use 1 to 100`,
		`{"Kind":"check-policy","Name":"web","Damping":{"Changes":101}}`:   `Invalid check policy: Damping.Changes is 101: use 1 to 100`,
		`{"Kind":"check-policy","Name":"web","Damping":{"Window":"1ms"}}`:  `Invalid check policy: Damping.Window is 1ms: use 1s to 24h0m0s`,
		`{"Kind":"check-policy","Name":"web","Damping":{"Hold":"25h"}}`:    `Invalid check policy: Damping.Hold is 25h0m0s: use 1s to 24h0m0s`,
		`{"Kind":"check-policy","Name":"web","Damping":{"MaxHold":"5s"}}`:  `Invalid check policy: Damping.MaxHold is 5s, less than Damping.Hold 30s`,
		`{"Kind":"check-policy","Name":"web","Guard":{"Share":1}}`:         `Invalid check policy: Guard.Share is 1: use a number above 0 and below 1`,
		`{"Kind":"check-policy","Name":"web","Guard":{"Share":-0.5}}`:      `Invalid check policy: Guard.Share is -0.5: use a number above 0 and below 1`,
		`{"Kind":"check-policy","Name":"web","Guard":{"Hold":"-1s"}}`:      `Invalid check policy: Guard.Hold is -1s: use 1s to 24h0m0s`,
	} {
		_, err := decodeConfigEntry(bodyRequest(body))
		require.ErrorIs(t, err, api.Invalid, body)
		require.EqualError(t, err, want)
	}
}

func TestCheckPolicyIsServed(t *testing.T) {
	d := open(t, Config{})
	require.Equal(t, 200, d.do("PUT", "/v1/config", `{"Kind":"check-policy","Name":"web","Guard":{"Share":0.25}}`).Code)
	require.Equal(t, 400, d.do("PUT", "/v1/config", `{"Kind":"check-policy","Name":"web","Guard":{"Share":2}}`).Code)
	var one map[string]any
	d.get("/v1/config/check-policy/web", &one)
	require.NotZero(t, one["ModifyIndex"])
	for _, k := range []string{"Hash", "CreateIndex", "ModifyIndex"} {
		delete(one, k)
	}
	require.Equal(t, map[string]any{"Kind": "check-policy", "Name": "web", "Guard": map[string]any{"Share": 0.25, "Hold": "5m0s"}}, one, "and no field of the mesh")
	var p api.CheckPolicy
	d.get("/v1/config/check-policy/web", &p)
	require.Equal(t, 0.25, p.Guard.Share)
	require.Equal(t, 200, d.do("PUT", "/v1/config", `{"Kind":"check-policy","Name":"*","Damping":{}}`).Code)
	var list []api.CheckPolicy
	d.get("/v1/config/check-policy", &list)
	require.Len(t, list, 2)
	d.get("/v1/config/check-policy/*", &p)
	require.Equal(t, 5, p.Damping.Changes)
	require.Equal(t, 200, d.do("DELETE", "/v1/config/check-policy/web", "").Code)
	require.Equal(t, 404, d.do("GET", "/v1/config/check-policy/web", "").Code)
}

func TestConfigEntryKeepsNumbersExact(t *testing.T) {
	m, err := showConfigEntry(&store.ConfigEntry{Kind: "proxy-defaults", Name: "global", Body: []byte(`{"Config":{"n":12345678901234567890}}`)})
	require.NoError(t, err)
	b, err := json.Marshal(m)
	require.NoError(t, err)
	require.Contains(t, string(b), "12345678901234567890")
	require.Contains(t, string(b), `"AccessLogs":{}`)
}

func txnHandler() *Handler { return &Handler{cfg: Config{MaxTxn: 4096, MaxValue: 16}} }

func TestTxnBodies(t *testing.T) {
	h := txnHandler()
	for _, c := range []struct {
		body   string
		kind   api.Kind // of the error, Internal for none
		writes bool
		ops    int
	}{
		{`[]`, 0, false, 0},
		{`[{"KV":{"Verb":"get","Key":"a"}},{}]`, 0, false, 2},
		{`[{"KV":{"Verb":"set","Key":"a","Value":"eA=="}}]`, 0, true, 1},
		{`[{"KV":{"Verb":"shout","Key":"a"}}]`, 0, false, 1},
		{`[{"Node":{"Verb":"shout","Node":{"Node":"a"}}}]`, 0, true, 1},
		{`[{"Session":{"Verb":"delete","Session":{"ID":"s"}}}]`, 0, true, 1},
		{`[{"Session":{"Verb":"set","Session":{"ID":"s"}}}]`, api.Invalid, false, 0},
		{`[null]`, api.Invalid, false, 0},
		{``, api.Invalid, false, 0},
		{`{"KV":{}}`, api.Invalid, false, 0},
		{`[{"Queue":{}}]`, api.Invalid, false, 0},
		{`[{"KV":{"Verb":"set","Key":"a","Value":"***"}}]`, api.Invalid, false, 0},
		{`[{"KV":{"Verb":"set","Key":"a","Value":"` + strings.Repeat("eHh4", 10) + `"}}]`, api.TooLarge, false, 0},
		{`[` + strings.Repeat(`{},`, store.MaxTxnOps) + `{}]`, api.TooLarge, false, 0},
		{`[` + strings.Repeat(" ", 4096) + `]`, api.TooLarge, false, 0},
	} {
		ops, err := readTxn(bodyRequest(c.body), h.cfg.MaxTxn)
		var txn *store.Txn
		var writes bool
		if err == nil {
			txn, writes, err = h.txnOf(ops)
		}
		if c.kind != 0 {
			require.ErrorIs(t, err, c.kind, c.body)
			continue
		}
		require.NoError(t, err, c.body)
		require.Equal(t, c.writes, writes, c.body)
		require.Len(t, txn.Ops, c.ops, c.body)
	}
}

// FuzzTxnBody feeds any bytes to the reader of transactions: whatever it takes
// must be a command that survives the log.
func FuzzTxnBody(f *testing.F) {
	f.Add(`[{"KV":{"Verb":"cas","Key":"a","Value":"eA==","Index":3}}]`)
	f.Add(`[{"Node":{"Verb":"set","Node":{"Node":"a","Address":"b","Meta":{"k":"v"}}}},{"Session":{"Verb":"delete","Session":{"ID":"s"}}}]`)
	f.Add(`[{"Service":{"Verb":"cas","Node":"a","Service":{"ID":"s","Tags":[],"Weights":{"Passing":1}}}},{"Check":{"Verb":"set","Check":{"Definition":{"Header":{"a":["b"]}}}}},{}]`)
	h := txnHandler()
	f.Fuzz(func(t *testing.T, body string) {
		ops, err := readTxn(bodyRequest(body), h.cfg.MaxTxn)
		if err != nil {
			return
		}
		txn, _, err := h.txnOf(ops)
		if err != nil {
			return
		}
		back, err := store.Decode(store.Encode(txn))
		require.NoError(t, err)
		require.Equal(t, store.Encode(txn), store.Encode(back))
	})
}
