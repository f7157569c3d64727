package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// checkFormat refuses forms of output that do not exist. Pretty is Consul's
// word for the one meant for people.
func checkFormat(format string) error {
	switch format {
	case "", "table", "pretty", "json":
		return nil
	}
	return usagef("output form %q is unknown: use table or json", format)
}

// json reports whether the output is for programs.
func (t *tool) json() bool { return t.format == "json" }

// show prints v as JSON, or has print write it for people.
func (t *tool) show(v any, print func(io.Writer)) error {
	if t.json() {
		return writeJSON(t.out, v)
	}
	p := page{look: lookOf(t.out)}
	print(&p)
	_, err := io.WriteString(t.out, p.String())
	return err
}

// done says that something was done: in words, or as JSON what came of it.
func (t *tool) done(v any, format string, args ...any) error {
	return t.show(v, func(w io.Writer) { fmt.Fprintf(w, format+"\n", args...) })
}

// success is the JSON for what leaves nothing to tell.
type success struct{ Success bool }

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// list makes the JSON of an empty list "[]".
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// shown is a cell as it is printed: on one line, and never empty.
func shown(cell string) string {
	cell = strings.Join(strings.FieldsFunc(cell, func(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }), " ")
	if cell == "" {
		return "-"
	}
	return cell
}

// clip shortens text to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// pairs prints a map as k=v, sorted and joined by commas.
func pairs(m map[string]string) string {
	var list []string
	for k, v := range m {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// sortedKeys returns a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// writeLine prints v as JSON on one line, for streams.
func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
