package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name  string
		width []int
		limit int
		want  []int
	}{
		{"no limit", []int{10, 300}, 0, []int{10, 300}},
		{"fits", []int{10, 28}, 40, []int{10, 28}},
		{"the last gives way", []int{10, 300}, 80, []int{10, 68}},
		{"then the widest", []int{50, 30, 300}, 74, []int{25, 25, 20}},
		{"no further than this", []int{9, 9, 9}, 10, []int{8, 8, 8}},
		{"nothing", nil, 10, nil},
	} {
		fit(c.width, c.limit)
		require.Equal(t, c.want, c.width, c.name)
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	rows := [][]string{{"a", "passing", strings.Repeat("long ", 30)}, {"b", "critical", ""}}
	p := page{look: look{width: 50}}
	table(&p, "ID|Status|Why", rows)
	for line := range strings.Lines(p.String()) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 50)
	}
	var all strings.Builder
	table(&all, "ID|Status|Why", rows)
	require.Contains(t, all.String(), strings.Repeat("long ", 30))
	require.NotContains(t, all.String(), "\x1b")
}

func TestColours(t *testing.T) {
	p := page{look: look{colour: true}}
	table(&p, "ID|Status", [][]string{{"a", "passing"}, {"bb", "critical"}})
	require.Equal(t, bold+"ID"+plain+"  "+bold+"Status"+plain+"\na   "+green+"passing"+plain+"\nbb  "+red+"critical"+plain+"\n", p.String())
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, look{}, lookOf(f), "a file is no terminal")
}
