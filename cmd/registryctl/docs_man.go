package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/internal/config"
)

// manPages is a man page for each command, by the name of its file.
func manPages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	for _, c := range chapters(root) {
		pages[pageName(c.path)+".1"] = c.man()
	}
	return pages
}

// pageName is the name of a command's page.
func pageName(path string) string { return strings.ReplaceAll(path, " ", "-") }

// man writes the page in roff, as man(7) has it. It bears no date: the same
// commands make the same page.
func (c chapter) man() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"registryd %s\" \"registryctl\"\n", strings.ToUpper(pageName(c.path)), config.Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c.path)), roff(c.short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.use))
	if c.long != "" {
		b.WriteString(".SH DESCRIPTION\n" + verbatim(c.long))
	}
	if len(c.below) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.below {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(pageName(sub.CommandPath())), roff(sub.Short))
		}
	}
	if c.flags != "" {
		b.WriteString(".SH OPTIONS\n" + verbatim(c.flags))
	}
	if c.example != "" {
		b.WriteString(".SH EXAMPLES\n" + verbatim(c.example))
	}
	if c.path != "registryctl" {
		b.WriteString(".SH SEE ALSO\n.BR registryctl (1),\nwhich has the flags of all commands\n")
	}
	return b.String()
}

// verbatim keeps the lines of a text.
func verbatim(text string) string {
	var b strings.Builder
	b.WriteString(".nf\n")
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		b.WriteString(roff(line) + "\n")
	}
	return b.String() + ".fi\n"
}

// roff writes text so that nothing in it is taken for a request or an escape.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}
