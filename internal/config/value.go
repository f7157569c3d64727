package config

import (
	"fmt"
	"strings"
)

// value is a piece of configuration before its key has given it a type. Both
// file formats and the command line become values, so that merging and
// complaining happen in one place.
type value struct {
	kind   kind
	text   string  // of text and numbers, as written; "true" or "false"
	items  []value // of a list
	fields []field // of an object, in order, repeated keys included
	at     place
}

type field struct {
	name  string
	value value
}

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

func (k kind) String() string {
	return [...]string{"null", "a truth value", "a number", "text", "a list", "an object"}[k]
}

// place is where a value was written: a file and line, or a flag (line 0).
type place struct {
	source string
	line   int
}

func (p place) String() string {
	if p.line == 0 {
		return p.source
	}
	return fmt.Sprintf("%s:%d", p.source, p.line)
}

// errorf returns an error that starts with the place.
func (p place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{p}, args...)...)
}

// object returns the fields of an object. A list of objects, which is what
// repeated blocks amount to, counts as one object with all their fields.
func (v value) object() ([]field, bool) {
	switch v.kind {
	case object:
		return v.fields, true
	case list:
		var all []field
		for _, item := range v.items {
			if item.kind != object {
				return nil, false
			}
			all = append(all, item.fields...)
		}
		return all, true
	}
	return nil, false
}

// list returns the items of a list; a single value counts as a list of one.
func (v value) list() []value {
	switch v.kind {
	case null:
		return nil
	case list:
		return v.items
	}
	return []value{v}
}

// asksForNothing reports whether the value is what somebody writes to switch a
// thing off, or to leave it as it is.
func (v value) asksForNothing() bool {
	switch v.kind {
	case null:
		return true
	case boolean:
		return v.text == "false"
	case number:
		return v.text == "0" || strings.HasPrefix(v.text, "-")
	case text:
		return v.text == ""
	case list:
		return len(v.items) == 0
	}
	for _, f := range v.fields {
		if !f.value.asksForNothing() {
			return false
		}
	}
	return true
}
