package dnsserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestServiceTTL(t *testing.T) {
	table := newTTLTable(map[string]time.Duration{
		"*": time.Second, "db*": 2 * time.Second, "db-Main*": 3 * time.Second, "db-main": 4 * time.Second,
		"long": 1 << 62, "odd": -time.Second, "short": time.Millisecond,
	})
	for name, want := range map[string]uint32{
		"web": 1, "db": 2, "DB-x": 2, "db-main2": 3, "db-main": 4, "DB-MAIN": 4, "": 1, "long": maxTTL, "odd": 0, "short": 0,
	} {
		require.Equal(t, want, table.of(name), name)
	}
	require.Zero(t, newTTLTable(nil).of("web"))
	require.Zero(t, newTTLTable(map[string]time.Duration{"a*": time.Second}).of("web"))
}

func TestMetaTexts(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, row := range []struct {
		key, value string
		want       []string
	}{
		{"color", "blue", []string{"color=blue"}},
		{"equation", "a=4", []string{"equation=a=4"}},
		{"a=a", "true", []string{"a`=a=true"}},
		{`a\=a`, "false", []string{"a\\\\`=a=false"}},
		{"=", `\=`, []string{"`==\\\\="}},
		{"string", `"Cat"`, []string{`string="Cat"`}},
		{"string2", "`abc`", []string{"string2=``abc``"}},
		{" lead", "x", []string{"` lead=x"}},
		{"trail  ", "x", []string{"trail` ` =x"}},
		{"  ", "x", []string{"` ` =x"}},
		{"novalue", "", []string{"novalue="}},
		{"rfc1035-a", "alone", []string{"alone"}},
		{"RFC1035-a", long, []string{long[:255], long[255:]}},
	} {
		require.Equal(t, [][]string{row.want}, metaTexts(map[string]string{row.key: row.value}), row.key)
	}
}

func TestNames(t *testing.T) {
	var n name
	for _, row := range []struct {
		wire   string
		labels []string // nil: malformed
	}{
		{"\x00", []string{}},
		{"\x03WeB\x01.\x00rest", []string{"web", "."}},
		{"\x03we", nil},
		{"\x03web", nil},
		{"\xc0\x0c", nil},
		{"\x40" + strings.Repeat("a", 64) + "\x00", nil},
		{strings.Repeat("\x01a", 127) + "\x00", strings.Split(strings.Repeat("a", 127), "")},
		{strings.Repeat("\x01a", 128) + "\x00", nil},
		{strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00", nil},
		{"", nil},
	} {
		size := n.parse([]byte(row.wire))
		require.Equal(t, row.labels != nil, size > 0, "%q", row.wire)
		if size == 0 {
			continue
		}
		require.Equal(t, len(strings.TrimSuffix(row.wire, "rest")), size)
		got := []string{}
		for i := range n.labels {
			got = append(got, string(n.label(i)))
		}
		require.Equal(t, row.labels, got, "%q", row.wire)
	}
}

// TestTagsAreBounded: a service may have more tags than are kept, and people
// may ask for tags that do not exist.
func TestTagsAreBounded(t *testing.T) {
	c := newCatalog(t)
	var tags []string
	for i := range maxTags + 10 {
		tags = append(tags, fmt.Sprintf("t%d", i))
	}
	c.add("n1", "10.0.0.1", api.Service{Service: "web", Port: 80, Tags: tags}, api.Passing)
	s := newServer(t, c)
	for i := range maxTags + 10 {
		require.Len(t, ask(t, s, via{}, fmt.Sprintf("T%d.web.service.consul", i), dns.TypeA).Answer, 1)
		require.Empty(t, ask(t, s, via{}, fmt.Sprintf("x%d.web.service.consul", i), dns.TypeA).Answer)
	}
	v, _ := c.State().Service("web")
	require.Len(t, *preparedOf(v, s.settings.Load()).byTag.Load(), maxTags)
}
