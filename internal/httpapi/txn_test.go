package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
)

// op writes one operation of a transaction on keys.
func op(verb, key string, more string) string {
	return fmt.Sprintf(`{"KV":{"Verb":%q,"Key":%q%s}}`, verb, key, more)
}

func ops(list ...string) string { return "[" + strings.Join(list, ",") + "]" }

func TestTransactions(t *testing.T) {
	d := open(t, Config{MaxTxn: 20000, MaxValue: 64})
	d.home()
	const value = `,"Value":"eA=="`
	big := `,"Value":"` + strings.Repeat("eHh4", 22) + `"`
	meta := `"Index":…}`
	many := func(n int) string {
		return ops(strings.Split(strings.Repeat(op("get-or-empty", "a", "")+"|", n-1)+op("get", "a", ""), "|")...)
	}
	d.rows(t, []row{
		{"PUT", "/v1/txn", "", 400, "…"},
		{"PUT", "/v1/txn", `[{`, 400, "…"},
		{"PUT", "/v1/txn", `{"KV":{}}`, 400, "…"},
		{"PUT", "/v1/txn", `[null]`, 400, "…operation 0 is null"},
		{"PUT", "/v1/txn", `[{"Queue":{}}]`, 400, "…"},
		{"PUT", "/v1/txn", ops(op("get", "a", `,"Colour":"red"`)), 400, "…"},
		{"PUT", "/v1/txn", ops(op("set", "a", `,"Value":"***"`)), 400, "…"},
		{"PUT", "/v1/txn", ops(op("set", "a", `,"Namespace":"team"`)), 400, "…"},
		{"PUT", "/v1/txn", ops(op("set", "a", big)), 413, `Value for key "a" is too large (66 > 64 bytes)`},
		{"PUT", "/v1/txn", `[` + strings.Repeat(" ", 20000) + `]`, 413, "Request body is too large…"},
		{"PUT", "/v1/txn", many(store.MaxTxnOps + 1), 413, "Transaction contains too many operations (129 > 128)"},
		{"PUT", "/v1/txn?dc=mars", ops(op("set", "a", value)), 500, "No path to datacenter"},
		{"GET", "/v1/txn", "", 405, "method GET not allowed"},

		// All or nothing, and the answer names each that failed.
		{"PUT", "/v1/txn", ops(op("set", "a", value), op("cas", "a", value+`,"Index":99`), op("delete-cas", "a", `,"Index":98`), op("set", "b", value)), 409,
			`{"Results":null,"Errors":[{"OpIndex":1,"What":"…"},{"OpIndex":2,"What":"failed to delete key \"a\", index is stale"}]}`},
		{"GET", "/v1/kv/?keys", "", 200, "[]"},
		{"PUT", "/v1/txn", ops(op("set", "", value)), 409, `{"Results":null,"Errors":[{"OpIndex":0,"What":"…"}]}`},
		{"PUT", "/v1/txn", ops(op("lock", "a", value+`,"Session":"none"`)), 409, `{"Results":null,"Errors":[{"OpIndex":0,"What":"…invalid session \"none\""}]}`},
		{"PUT", "/v1/txn", ops(op("shout", "a", "")), 409, `{"Results":null,"Errors":[{"OpIndex":0,"What":"unknown KV verb"}],` + meta},

		{"PUT", "/v1/txn", ops(op("set", "a", value+`,"Flags":7`), op("get", "a", ""), op("check-not-exists", "b", ""), op("delete", "c", "")), 200,
			`{"Results":[{"KV":{"LockIndex":0,"Key":"a","Flags":7,"Value":null,"CreateIndex":4,"ModifyIndex":4}},{"KV":{"LockIndex":0,"Key":"a","Flags":7,"Value":"eA==","CreateIndex":4,"ModifyIndex":4}}],"Errors":null}`},
		{"PUT", "/v1/txn", ops(op("get-tree", "", "")), 200, `{"Results":[{"KV":{…"Value":"eA=="…`},
		{"PUT", "/v1/txn", `[{},{}]`, 200, `{"Results":[],"Errors":null,` + meta},
		{"PUT", "/v1/txn", many(store.MaxTxnOps), 200, `{"Results":[…`},

		{"PUT", "/v1/txn", `[{"Node":{"Verb":"set","Node":{"Node":"n9"}}}]`, 409, `…"OpIndex":0,…`},
		{"PUT", "/v1/txn", `[{"Node":{"Verb":"set","Node":{"Node":"n9","Address":"192.0.2.9"}}},{"Service":{"Verb":"set","Node":"n9","Service":{"ID":"w","Service":"web","Port":80}}},` +
			`{"Check":{"Verb":"set","Check":{"Node":"n9","CheckID":"c","Name":"c","Status":"passing","ServiceID":"w"}}}]`, 200, `{"Results":[{"Node":{…"Service":{…"Check":{…}],"Errors":null}`},
		{"PUT", "/v1/txn", `[{"Node":{"Verb":"shout","Node":{"Node":"n9"}}}]`, 409, `…"OpIndex":0,…`},
		{"PUT", "/v1/txn", `[{"Session":{"Verb":"set","Session":{"ID":"s"}}}]`, 400, "…the only verb of sessions is delete…"},
		{"PUT", "/v1/txn", `[{"Session":{"Verb":"delete","Session":{"ID":"none"}}}]`, 200, `{"Results":[],"Errors":null}`},
	})
	var found []struct{ ServicePort int }
	d.get("/v1/catalog/service/web?filter=Node==n9", &found)
	require.Equal(t, 80, found[0].ServicePort)
}
