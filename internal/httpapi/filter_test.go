package httpapi

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// filterOf compiles an expression for what sample is.
func filterOf(expr string, sample any) (*filter, error) {
	q := &request{Request: httptest.NewRequest("GET", "/", nil)}
	if err := q.params.parse("filter=" + url.QueryEscape(expr)); err != nil {
		return nil, err
	}
	return filterFor(q, sample)
}

// filterable is an instance with every field that can be selected.
func filterable() *store.Instance {
	return &store.Instance{
		Node: &api.Node{ID: "id-1", Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", TaggedAddresses: map[string]string{"wan": "1.2.3.4"}, Meta: map[string]string{"rack": "7"}},
		Service: &api.Service{Kind: "k", ID: "web-1", Service: "web", Tags: []string{"v1", "blue"}, Address: "10.0.0.2", Port: 80, Meta: map[string]string{"team": "a b"},
			TaggedAddresses: map[string]api.ServiceAddress{"lan": {Address: "10.0.0.3", Port: 81}}, SocketPath: "/s", EnableTagOverride: true},
		NodeChecks: []*api.Check{{Node: "n1", CheckID: "serfHealth", Status: api.Passing}},
		OwnChecks:  []*api.Check{{Node: "n1", CheckID: "c1", Name: "C", Status: api.Warning, Notes: "note", Output: "slow", ServiceID: "web-1", ServiceName: "web", ServiceTags: []string{"v1"}, Type: "http"}},
	}
}

func TestFilters(t *testing.T) {
	i := filterable()
	member := &api.Member{Name: "s1", Addr: "10.0.0.1", Port: 8301, Tags: map[string]string{"role": "consul"}, Status: api.MemberAlive}
	for _, c := range []struct {
		value  any
		sample any
		expr   string
		match  bool
	}{
		{entryFilter(i), filterEntry{}, `Node.Node == n1 and Service.Port == 80`, true},
		{entryFilter(i), filterEntry{}, `Node.Meta.rack == 7`, true},
		{entryFilter(i), filterEntry{}, `Node.Meta.row == 7`, false},
		{entryFilter(i), filterEntry{}, `Service.Tags contains blue`, true},
		{entryFilter(i), filterEntry{}, `blue in Service.Tags and not (red in Service.Tags)`, true},
		{entryFilter(i), filterEntry{}, `Service.Meta["team"] == "a b"`, true},
		{entryFilter(i), filterEntry{}, `Service.TaggedAddresses["lan"].Port == 81`, true},
		{entryFilter(i), filterEntry{}, `Service.Weights.Passing == 1`, true}, // the default is seen
		{entryFilter(i), filterEntry{}, `Service.ID matches "^web-[0-9]$"`, true},
		{entryFilter(i), filterEntry{}, `Service.Tags is empty`, false},
		{entryFilter(i), filterEntry{}, `((Service.Port == 1) or (Service.Port == 80 and (Node.Node == n1 or not (Node.Node == n2))))`, true},
		{serviceFilter(i.Service), filterService{}, `Service == web and EnableTagOverride == true and SocketPath == "/s"`, true},
		{serviceFilter(i.Service), filterService{}, `Kind == k or ID == other`, true},
		{catalogFilter(i), filterCatalogService{}, `ServiceName == web and Node == n1 and NodeMeta.rack == 7`, true},
		{catalogFilter(i), filterCatalogService{}, `ServiceAddress != "10.0.0.2"`, false},
		{nodeFilter(i.Node), filterNode{}, `Datacenter == dc1 and TaggedAddresses.wan == "1.2.3.4"`, true},
		{nodeFilter(i.Node), filterNode{}, `Address contains "10.0"`, true},
		{checkFilter(i.OwnChecks[0]), filterCheck{}, `Status == warning and Type == http and v1 in ServiceTags`, true},
		{checkFilter(i.OwnChecks[0]), filterCheck{}, `Output not matches slow`, false},
		{memberFilter(member), filterMember{}, `Status == 1 and Port == 8301 and Tags.role == consul`, true},
	} {
		f, err := filterOf(c.expr, c.sample)
		require.NoError(t, err, c.expr)
		ok, err := f.match(c.value)
		require.NoError(t, err, c.expr)
		require.Equal(t, c.match, ok, c.expr)
	}
}

// TestFiltersThatAreRefused looks at nothing: that an expression is wrong must
// not depend on there being something to filter.
func TestFiltersThatAreRefused(t *testing.T) {
	for _, expr := range []string{
		`Node.Colour == red`,
		`Service.Port == many`,
		`Service.Port == 80 and`,
		`== 1`,
		`Service.Tags == x`,
		`Service.ID matches "("`,
		strings.Repeat(" ", filterMax) + `Service.Port == 80`,
		strings.Repeat("(", 30) + `Service.Port == 80` + strings.Repeat(")", 30),
		strings.Repeat("not (", 30) + `Service.Port == 80` + strings.Repeat(")", 30),
		strings.Repeat(`Service.Port == 80 or `, filterMatches) + `Service.Port == 80`,
	} {
		_, err := filterOf(expr, filterEntry{})
		require.ErrorIs(t, err, api.Refused, expr)
		require.ErrorContains(t, err, "Failed to create boolean expression evaluator")
	}
}

func TestKeep(t *testing.T) {
	list := []*api.Check{{CheckID: "a", Status: api.Passing}, {CheckID: "b", Status: api.Critical}, {CheckID: "c", Status: api.Passing}}
	got, err := keep(nil, list, checkFilter)
	require.NoError(t, err)
	require.Equal(t, list, got)

	f, err := filterOf(`Status == passing`, filterCheck{})
	require.NoError(t, err)
	got, err = keep(f, list, checkFilter)
	require.NoError(t, err)
	require.Equal(t, []*api.Check{list[0], list[2]}, got)

	// Without a sample a selector is looked up in what there is.
	f, err = filterOf(`Colour == red`, nil)
	require.NoError(t, err)
	_, err = keep(f, list, checkFilter)
	require.ErrorIs(t, err, api.Refused)
	require.ErrorContains(t, err, "Failed to filter results")
}

func TestTagsAreComparedInAnyCase(t *testing.T) {
	tags := []string{"V1", "blue"}
	for _, c := range []struct {
		want string
		has  bool
	}{{"", true}, {"v1", true}, {"V1 BLUE", true}, {"blue red", false}, {"v", false}} {
		require.Equal(t, c.has, hasTags(tags, strings.Fields(c.want)), c.want)
	}
}

// FuzzFilter compiles any text and tries what compiles on an instance.
func FuzzFilter(f *testing.F) {
	f.Add(`Service.Tags contains blue and not (Node.Meta["a b"] is empty or Service.Port == 80)`)
	f.Add(`"x" in Checks`)
	f.Add(`Node.Node matches "(a|b)*"`)
	value := entryFilter(filterable())
	f.Fuzz(func(t *testing.T, expr string) {
		for _, sample := range []any{filterEntry{}, nil} {
			e, err := filterOf(expr, sample)
			if err != nil {
				require.ErrorIs(t, err, api.Refused)
				continue
			}
			if _, err = e.match(value); err != nil {
				require.ErrorIs(t, err, api.Refused)
			}
		}
	})
}
