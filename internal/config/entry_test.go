package config

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseEntry(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"HCL", `
			Kind = "check-policy"
			Name = "web"
			Damping { Changes = 3, MaxHold = "10m" }
			Guard = { Share = 0.50 }
			Meta { "owner" = "a < b" }`,
			`{"Kind":"check-policy","Name":"web","Damping":{"Changes":3,"MaxHold":"10m"},"Guard":{"Share":0.50},"Meta":{"owner":"a < b"}}`},
		{"snake case stays for the server", `
			kind = "check-policy"
			name = "*"
			damping { max_hold = "10m" }`,
			`{"Kind":"check-policy","Name":"*","damping":{"max_hold":"10m"}}`},
		{"JSON of an answer", ` {"CreateIndex":3,"Hash":18446744073709551615,"Kind":"service-defaults","Name":"web","ModifyIndex":9,"Expose":{},"Meta":null}`,
			`{"Kind":"service-defaults","Name":"web","Expose":{},"Hash":18446744073709551615,"Meta":null,"CreateIndex":3,"ModifyIndex":9}`},
		{"lists and repeated blocks", `
			Kind = "service-defaults", Name = "web"
			EnvoyExtensions = [{ Name = "a", Required = true }]
			UpstreamConfig { Overrides { Name = "a" } Overrides { Name = "b" } Overrides { Name = "c" } }`,
			`{"Kind":"service-defaults","Name":"web","EnvoyExtensions":[{"Name":"a","Required":true}],"UpstreamConfig":{"Overrides":[{"Name":"a"},{"Name":"b"},{"Name":"c"}]}}`},
		{"labels", `Kind = "proxy-defaults" Name = "global" Config "a" "b" { c = false }`,
			`{"Kind":"proxy-defaults","Name":"global","Config":{"a":{"b":{"c":false}}}}`},
		{"numbers of HCL", `Kind = "k" Name = "n" A = [0x1f, 010, -5, 1e3]`, `{"Kind":"k","Name":"n","A":[31,8,-5,1e3]}`},
		{"text of many lines", "Kind = \"k\"\nName = \"n\"\nA = <<X\n1\n2\nX\n", `{"Kind":"k","Name":"n","A":"1\n2\n"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := ParseEntry("web.hcl", []byte(c.text))
			require.NoError(t, err)
			got, err := json.Marshal(e)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(got))
		})
	}
	e, err := ParseEntry("x", []byte(`Kind = "k" Name = "n" A = 1.50 B = 18446744073709551615`))
	require.NoError(t, err)
	require.Equal(t, map[string]json.RawMessage{"A": json.RawMessage("1.50"), "B": json.RawMessage("18446744073709551615")}, e.Fields, "no digit is lost")
}

func TestParseEntryMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `web.hcl is no config entry: it needs Kind = "…" and Name = "…"`},
		{"service { name = \"web\" }", `web.hcl is no config entry: it needs Kind = "…" and Name = "…"`},
		{`Kind = "check-policy"`, `web.hcl: config entry of kind "check-policy" needs a name: add Name = "…"`},
		{`{"Kind":"check-policy","Name":""}`, `web.hcl: config entry of kind "check-policy" needs a name: add Name = "…"`},
		{`Kind = 5`, `web.hcl:1: Kind needs text in quotes, not a number "5"`},
		{`{"name":["a"]}`, `web.hcl:1: name needs text in quotes, not a list`},
		{"Kind = \"a\"\nKind = \"b\"", `web.hcl:2: "Kind" is given twice, first at web.hcl:1: keep one`},
		{"Kind = \"a\"\nkind = \"b\"", `web.hcl:2: "kind" is the same as "Kind" at web.hcl:1: keep one`},
		{"Kind = \"a\"\nA { x = 1 }\nA = 2", `web.hcl:3: "A" is given twice, first at web.hcl:2: keep one`},
		{"Kind = \"a\"\nA { x = 1\nx = 2 }", `web.hcl:3: "x" is given twice, first at web.hcl:2: keep one`},
		{"Kind = \"a\"\nGuard {", `web.hcl:2: not valid HCL: `},
		{"{\"Kind\":\n", `web.hcl:2: not valid JSON: `},
	} {
		_, err := ParseEntry("web.hcl", []byte(c.text))
		require.ErrorContains(t, err, c.want, c.text)
		require.NotContains(t, err.Error(), "\n")
	}
}
