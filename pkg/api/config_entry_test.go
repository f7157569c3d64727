package api

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigEntryJSON(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     ConfigEntry
		out      string // "" means as in
	}{
		{"plain", `{"Kind":"k","Name":"n"}`, ConfigEntry{Kind: "k", Name: "n", Fields: map[string]json.RawMessage{}}, ""},
		{"spellings", `{"create_index":3,"kind":"k","modifyIndex":18446744073709551615,"name":"n","max_hold":"1m"}`,
			ConfigEntry{Kind: "k", Name: "n", CreateIndex: 3, ModifyIndex: 1<<64 - 1, Fields: map[string]json.RawMessage{"max_hold": json.RawMessage(`"1m"`)}},
			`{"Kind":"k","Name":"n","max_hold":"1m","CreateIndex":3,"ModifyIndex":18446744073709551615}`},
		{"numbers and text as given", `{"Kind":"k","Name":"n","Hash":18446744073709551615,"Meta":{"a":"1 < 2"},"ModifyIndex":7}`,
			ConfigEntry{Kind: "k", Name: "n", ModifyIndex: 7, Fields: map[string]json.RawMessage{"Hash": json.RawMessage("18446744073709551615"), "Meta": json.RawMessage(`{"a":"1 < 2"}`)}}, ""},
		{"nothing", `null`, ConfigEntry{}, `{"Kind":"","Name":""}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e ConfigEntry
			require.NoError(t, json.Unmarshal([]byte(tt.in), &e))
			require.Equal(t, tt.want, e)
			out, err := e.MarshalJSON()
			require.NoError(t, err)
			if tt.out == "" {
				tt.out = tt.in
			}
			require.Equal(t, tt.out, string(out))
		})
	}
	twice, err := ConfigEntry{Kind: "k", Fields: map[string]json.RawMessage{"kind": json.RawMessage(`"x"`)}}.MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, `{"Kind":"k","Name":""}`, string(twice), "a field is written once")
	_, err = ConfigEntry{Fields: map[string]json.RawMessage{"a": json.RawMessage("{")}}.MarshalJSON()
	require.ErrorIs(t, err, Invalid)
	for in, want := range map[string]string{
		`{"Kind":5,"Name":"n"}`:     "Kind: json: cannot unmarshal number into Go value of type string",
		`{"Name":"n","Kind":"k"}[]`: "invalid character",
		`[]`:                        "json: cannot unmarshal array",
	} {
		require.ErrorContains(t, json.Unmarshal([]byte(in), new(ConfigEntry)), want)
	}
}

func TestConfigEntryCalls(t *testing.T) {
	entry := &ConfigEntry{Kind: "service-defaults", Name: "a b", ModifyIndex: 9, Fields: map[string]json.RawMessage{"Protocol": json.RawMessage(`"http"`)}}
	body := `{"Kind":"service-defaults","Name":"a b","Protocol":"http","ModifyIndex":9}`
	runCalls(t, []call{
		{name: "set", do: func(ctx context.Context, c *Client) (any, error) { return only(c.ConfigEntries().Set(ctx, entry)) },
			send: "PUT /v1/config", body: body, reply: "true"},
		{name: "set refused", do: func(ctx context.Context, c *Client) (any, error) { return only(c.ConfigEntries().Set(ctx, entry)) },
			send: "PUT /v1/config", body: body, reply: "false", err: Internal},
		{name: "set nonsense", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.ConfigEntries().Set(ctx, &ConfigEntry{}))
		},
			send: "PUT /v1/config", body: `{"Kind":"","Name":""}`, status: 400, reply: "invalid kind", err: Invalid},
		{name: "cas", do: func(ctx context.Context, c *Client) (any, error) { return value(c.ConfigEntries().CAS(ctx, entry)) },
			send: "PUT /v1/config?cas=9", body: body, reply: "false", want: false},
		{name: "get", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.ConfigEntries().Get(ctx, "service-defaults", "a b", nil))
		}, send: "GET /v1/config/service-defaults/a%20b", reply: body, want: entry},
		{name: "get nothing", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.ConfigEntries().Get(ctx, "k", "n", nil))
		}, send: "GET /v1/config/k/n", status: 404, reply: "Config entry not found", err: NotFound},
		{name: "get unnamed", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.ConfigEntries().Get(ctx, "k", "", nil))
		}, err: Invalid},
		{name: "list", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.ConfigEntries().List(ctx, "service-defaults", nil))
		}, send: "GET /v1/config/service-defaults", reply: "[" + body + "]", want: []*ConfigEntry{entry}},
		{name: "list nothing", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.ConfigEntries().List(ctx, "k", nil))
		}, send: "GET /v1/config/k", reply: "[]", want: []*ConfigEntry{}},
		{name: "list no kind", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.ConfigEntries().List(ctx, "", nil))
		}, err: Invalid},
		{name: "delete", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.ConfigEntries().Delete(ctx, "k", "n"))
		}, send: "DELETE /v1/config/k/n", reply: "{}"},
		{name: "delete no kind", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.ConfigEntries().Delete(ctx, "", "n"))
		}, err: Invalid},
		{name: "delete cas", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.ConfigEntries().DeleteCAS(ctx, "k", "n", 9))
		}, send: "DELETE /v1/config/k/n?cas=9", reply: "true", want: true},
		{name: "delete cas refused", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.ConfigEntries().DeleteCAS(ctx, "k", "n", 8))
		}, send: "DELETE /v1/config/k/n?cas=8", reply: "false", want: false},
	})
}
