package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseErrorsNameTheLine(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for _, c := range []struct{ name, file, text, want string }{
		{"unknown key", "a.hcl", "server = true\n\nporst {\n}\n", `a.hcl:3: unknown key "porst" (did you mean "ports"?)`},
		{"unknown key, JSON", "a.json", "{\n\"server\": true,\n\n\"node-name\": \"x\"}", `a.json:4: unknown key "node-name" (did you mean "node_name"?)`},
		{"unknown key in a group", "a.json", "{\"ports\": {\n  \"htp\": 1}}", `a.json:2: unknown key "ports.htp" (did you mean "ports.http"?)`},
		{"key without its group", "a.hcl", "raft_multiplier = 1", `a.hcl:1: unknown key "raft_multiplier" (did you mean "performance.raft_multiplier"?)`},
		{"key like none", "a.hcl", "zzz = 1", `a.hcl:1: unknown key "zzz"`},
		{"labels", "a.hcl", "\nservice \"web\" {\n port = 1\n}", `a.hcl:2: service: key "web" is unknown`},
		{"wrong kind", "a.hcl", "ports {\n  http = \"abc\"\n}", `a.hcl:2: ports.http needs a whole number, not text "abc"`},
		{"group is text", "a.hcl", "ports = \"x\"", `a.hcl:1: ports needs an object in { }, not text "x"`},
		{"HCL", "a.hcl", "server = true\nports {\n", `a.hcl:3: not valid HCL: `},
		{"HCL cut off", "a.hcl", "server = true\ndatacenter = ", `a.hcl:2: not valid HCL: the file ends in the middle of a value`},
		{"HCL literal", "a.hcl", "x = 99999999999999999999999\n", `unknown key "x"`},
		{"JSON", "a.json", "{\n\"server\": tru\n}", `a.json:2: not valid JSON: `},
		{"JSON cut off", "a.json", "{\n\"server\": true,\n", `a.json:3: not valid JSON: the file ends in the middle of a value`},
		{"JSON list", "a.json", "[1]", `a.json:1: a configuration is an object in { }, not a list`},
		{"JSON and more", "a.json", "{}\n{}", `there is more text behind the closing }`},
		{"deep JSON", "a.json", `{"a":` + deep, "nested deeper than 500"},
		{"deep HCL", "a.hcl", "a = " + deep, "nested deeper than 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(Sources{Paths: []string{write(t, t.TempDir(), c.file, c.text)}, Host: host()})
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestParseFormats(t *testing.T) {
	want := "n7"
	for _, c := range []struct{ name, format, text string }{
		{"hcl", "hcl", `node_name = "n7"`},
		{"hcl, dos", "hcl", "node_name = \"n7\"\r\n"},
		{"hcl, byte order mark", "hcl", "\ufeffnode_name = \"n7\""},
		{"hcl that is json", "hcl", `{"node_name": "n7"}`},
		{"json", "json", `{"node_name": "n7"}`},
		{"json, byte order mark", "json", "\ufeff{\"node_name\": \"n7\"}"},
		{"any case", "json", `{"Node_Name": "n7"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := parse("x", c.format, []byte(c.text))
			require.NoError(t, err)
			l := newLoader(Default())
			require.NoError(t, l.apply(v))
			require.Equal(t, want, l.c.NodeName)
		})
	}
	for _, empty := range []string{"", " \n", "\ufeff"} {
		v, err := parse("x", "json", []byte(empty))
		require.NoError(t, err)
		require.Empty(t, v.fields)
	}
	_, err := parse("x", "yaml", []byte("a"))
	require.ErrorContains(t, err, `format "yaml" is unknown`)
}

// Both formats must give the same value, places apart.
func TestParseHCLAndJSONAgree(t *testing.T) {
	h, err := parse("x", "hcl", []byte(`
		a = "text"
		b = [1, 2.5, "x", { c = true }]
		d { e = <<EOT
heredoc
EOT
		}
		f "label" { g = -1 }
		h { i = 1 }
		h { i = 2 }
	`))
	require.NoError(t, err)
	j, err := parse("x", "json", []byte(`{
		"a": "text",
		"b": [1, 2.5, "x", {"c": true}],
		"d": {"e": "heredoc\n"},
		"f": {"label": {"g": -1}},
		"h": {"i": 1},
		"h": {"i": 2}
	}`))
	require.NoError(t, err)
	require.Equal(t, shape(j), shape(h))
}

// shape is v without places.
func shape(v value) any {
	switch v.kind {
	case list:
		var items []any
		for _, i := range v.items {
			items = append(items, shape(i))
		}
		return items
	case object:
		var fields [][2]any
		for _, f := range v.fields {
			fields = append(fields, [2]any{f.name, shape(f.value)})
		}
		return fields
	}
	return v.kind.String() + " " + v.text
}
