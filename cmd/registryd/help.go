package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/registryd/registryd/internal/config"
)

// help prints the help page.
func help(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, `Usage: registryd [agent] [flags]
       registryd validate [-config-format=hcl|json] FILE_OR_DIRECTORY...
       registryd version [-format=json]

registryd is one server of a service registry with Consul's API. Try it with

    registryd -dev

Flags may be written -x or --x, with the value behind = or as the next word.
Those marked * may be repeated.

`)
	for _, g := range append(startGroups(), flagGroups()...) {
		fmt.Fprintf(b, "%s:\n", g.title)
		if g.flags[0].usage == "" {
			printNames(b, g.flags)
			continue
		}
		for _, f := range g.flags {
			printFlag(b, f)
		}
		fmt.Fprintln(b)
	}
	return b.Flush()
}

// startGroups are the flags that set no key.
func startGroups() []flagGroup {
	return []flagGroup{{"Starting", []flagSpec{
		{"dev", "", "", "one server that keeps nothing, for trying things out"},
		{"config-file", "", "FILE", "read a configuration file, .hcl or .json *"},
		{"config-dir", "", "DIR", "read the .hcl and .json files of a directory *"},
		{"config-format", "", "FORMAT", "hcl or json, whatever the files are called"},
		{"hcl", "", "TEXT", "a piece of configuration, which wins over all else *"},
		{"version", "", "", "print the version"},
		{"help", "", "", "print this page"},
	}}}
}

// column is where the explanations begin.
const column = 38

func printFlag(w io.Writer, f flagSpec) {
	left := "  -" + f.name
	if f.value != "" {
		left += "=" + f.value
	}
	text := f.usage
	if f.repeats() {
		text += " *"
	}
	if d := config.DefaultOf(f.key); d != "" && d != "false" {
		text += fmt.Sprintf(" (default %s)", d)
	}
	fmt.Fprintf(w, "%-*s %s\n", column, left, text)
}

// printNames prints flags that need no explanation, some to a line.
func printNames(w io.Writer, flags []flagSpec) {
	line := " "
	for _, f := range flags {
		if len(line)+len(f.name) > 76 {
			fmt.Fprintln(w, line)
			line = " "
		}
		line += " -" + f.name
	}
	fmt.Fprintln(w, line)
}

// repeats reports whether the flag adds to a list.
func (f flagSpec) repeats() bool {
	switch f.value {
	case "KEY:VALUE", "CIDR":
		return true
	}
	switch f.name {
	case "retry-join", "join", "recursor":
		return true
	}
	return false
}
