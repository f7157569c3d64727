package httpapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// TestGoldenJSON holds the JSON of each noun against a file: the order of
// fields, what is left out and what is null are part of the contract.
func TestGoldenJSON(t *testing.T) {
	full := filterable()
	full.Service.Weights = &api.Weights{Passing: 5, Warning: 2}
	full.Service.CreateIndex, full.Service.ModifyIndex = 3, 9
	full.Node.CreateIndex, full.Node.ModifyIndex = 1, 2
	full.OwnChecks[0].Definition = &api.CheckDefinition{HTTP: "http://x/?a=1&b=2", Interval: api.Duration(10 * time.Second), Header: map[string][]string{"A": {"b"}}}
	full.OwnChecks[0].Interval, full.OwnChecks[0].Timeout = "10s", "1s"
	bare := &store.Instance{Node: &api.Node{Node: "n"}, Service: &api.Service{ID: "s", Service: "s"}}
	for name, got := range map[string][]byte{
		"node":                 appendNode(nil, full.Node),
		"node_bare":            appendNode(nil, bare.Node),
		"service":              appendService(nil, full.Service),
		"service_bare":         appendService(nil, bare.Service),
		"check":                appendCheck(nil, full.OwnChecks[0]),
		"check_bare":           appendCheck(nil, &api.Check{Node: "n", CheckID: "c"}),
		"entry":                encodeEntry(full),
		"entry_bare":           encodeEntry(bare),
		"catalog_service":      appendCatalogService(nil, full),
		"catalog_service_bare": appendCatalogService(nil, bare),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", name+".json"))
			require.NoError(t, err)
			require.Equal(t, string(want), string(indent(got)))
		})
	}
}

// TestStringsAgreeWithTheLibrary holds the hand-written strings against
// encoding/json's.
func TestStringsAgreeWithTheLibrary(t *testing.T) {
	for _, s := range []string{
		"", "plain", "with space", `"`, `\`, "a\nb", "\x00", "\x1f", "~", "\x7f", "é", "日本", "\u2028", "<b>&amp;</b>", "bad \xff utf8", strings.Repeat("x", 300) + "\t",
	} {
		want, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, string(want), string(appendString(nil, s)), "%q", s)
	}
}

func TestMapsAreInOrder(t *testing.T) {
	require.Equal(t, `null`, string(appendMap(nil, nil)))
	require.Equal(t, `{}`, string(appendMap(nil, map[string]string{})))
	require.Equal(t, `{"a":"1","b\u003c":"2","c":""}`, string(appendMap(nil, map[string]string{"c": "", "b<": "2", "a": "1"})))
	require.Equal(t, `{"lan":{"Address":"a","Port":1},"wan":{"Address":"","Port":0}}`,
		string(appendAddresses(nil, map[string]api.ServiceAddress{"wan": {}, "lan": {Address: "a", Port: 1}})))
	require.Equal(t, `[]`, string(appendTags(nil, nil)))
	require.Equal(t, `[]`, string(appendChecks(nil, nil, nil)))
	a, b, c := &api.Check{CheckID: "a"}, &api.Check{CheckID: "b"}, &api.Check{CheckID: "c"}
	var list []struct{ CheckID string }
	require.NoError(t, json.Unmarshal(appendChecks(nil, []*api.Check{a}, nil, []*api.Check{b, c}), &list))
	require.Equal(t, []struct{ CheckID string }{{"a"}, {"b"}, {"c"}}, list)
}

// TestWhatIsEncodedCanBeReadBack reads an instance with the client's types.
func TestWhatIsEncodedCanBeReadBack(t *testing.T) {
	i := filterable()
	i.Service.Weights = &api.Weights{Passing: 2, Warning: 0}
	var e api.Entry
	d := json.NewDecoder(bytes.NewReader(encodeEntry(i)))
	require.NoError(t, d.Decode(&e))
	require.Equal(t, i.Node, e.Node)
	require.Equal(t, i.Service, e.Service)
	require.Len(t, e.Checks, 2)
	require.Equal(t, i.OwnChecks[0].Output, e.Checks[1].Output)
}

// TestPlainFormShowsNull holds the form of executed queries and transactions
// against that of the catalog: absent lists are null there.
func TestPlainFormShowsNull(t *testing.T) {
	b, err := json.Marshal(showEntries([]*store.Instance{{Node: &api.Node{Node: "n"}, Service: &api.Service{ID: "s", Service: "s"}, OwnChecks: []*api.Check{{CheckID: "c"}}}}))
	require.NoError(t, err)
	var list []struct {
		Service struct {
			Tags    *[]string
			Weights api.Weights
			Proxy   map[string]any
		}
		Checks []struct{ Definition map[string]any }
	}
	require.NoError(t, json.Unmarshal(b, &list))
	require.Nil(t, list[0].Service.Tags)
	require.Equal(t, api.Weights{Passing: 1, Warning: 1}, list[0].Service.Weights)
	require.Contains(t, list[0].Service.Proxy, "Mode")
	require.Equal(t, []struct{ Definition map[string]any }{{map[string]any{}}}, list[0].Checks)
}
