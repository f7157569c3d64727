package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// markdown is the reference of root as one page.
func markdown(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# registryctl\n\n<!-- Written by `registryctl docs`: change the commands, not this page. -->\n\n")
	all := chapters(root)
	top := all[0]
	b.WriteString(fenced(top.long))
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "%s\n\n", group.Title)
		for _, sub := range top.below {
			if sub.GroupID == group.ID {
				fmt.Fprintf(&b, "- [%s](#%s): %s\n", sub.Name(), anchor(sub.CommandPath()), sub.Short)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("Flags of all commands:\n\n" + fenced(top.flags))
	for _, c := range all[1:] {
		c.markdown(&b)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func (c chapter) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n%s.\n\n", c.path, c.short)
	for _, sub := range c.below {
		fmt.Fprintf(b, "- [%s](#%s): %s\n", sub.CommandPath(), anchor(sub.CommandPath()), sub.Short)
	}
	if len(c.below) > 0 {
		b.WriteString("\n")
	}
	if c.children {
		return // its commands say the rest
	}
	b.WriteString(fenced(c.use))
	if c.long != "" {
		b.WriteString(fenced(c.long))
	}
	if c.flags != "" {
		b.WriteString("Flags:\n\n" + fenced(c.flags))
	}
	b.WriteString("Examples:\n\n" + fenced(c.example))
}

// fenced keeps a text as it is: it is laid out for terminals.
func fenced(text string) string {
	return "```text\n" + strings.Trim(text, "\n") + "\n```\n\n"
}

// anchor is the link to a heading.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), " ", "-") }
