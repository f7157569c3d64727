//go:build unix

package readme_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// command is a line of a block that is indented by four spaces, joined with the
// lines that continue it.
type command struct {
	line int // of the file, from 1
	text string
}

// commands returns those of a Markdown text, in order.
func commands(text string) []command {
	var list []command
	open := false // the last command ends in a backslash
	for i, line := range strings.Split(text, "\n") {
		code, indented := strings.CutPrefix(line, "    ")
		switch code = strings.TrimSpace(code); {
		case !indented || code == "":
			open = false
			continue
		case open:
			last := &list[len(list)-1]
			last.text = strings.TrimSuffix(last.text, `\`) + code
		default:
			list = append(list, command{i + 1, code})
		}
		open = strings.HasSuffix(code, `\`)
	}
	return list
}

// goSnippets returns the fenced blocks of Go.
func goSnippets(text string) []string {
	var list []string
	for {
		_, rest, found := strings.Cut(text, "\n```go\n")
		if !found {
			return list
		}
		snippet, after, _ := strings.Cut(rest, "\n```")
		list, text = append(list, snippet), after
	}
}

func TestCommandsAreFound(t *testing.T) {
	text := "# Title\n\n    one 'a b'  # why\n\nSentence.\n\n    two \\\n        --more\n    three\n\n- item\n  goes on\n\n```go\nx := 1\n```\n"
	require.Equal(t, []command{{3, "one 'a b'  # why"}, {7, `two --more`}, {9, "three"}}, commands(text))
	require.Equal(t, []string{"x := 1"}, goSnippets(text))
	require.Empty(t, commands(""))
	require.Empty(t, goSnippets("```sh\nls\n```"))
}
