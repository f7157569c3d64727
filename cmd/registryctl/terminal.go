package main

import (
	"io"
	"os"
	"strings"
)

// look is what the place that output goes to can show. The zero value is a
// file or a pipe: any width, no colours.
type look struct {
	width  int // in characters; 0 means no limit
	colour bool
	redraw bool // it can take back what it shows
}

// lookOf says what w can show: colours only where a person sees them, who has
// not turned them off by NO_COLOR.
func lookOf(w io.Writer) look {
	f, ok := w.(*os.File)
	if !ok {
		return look{}
	}
	width, ok := terminalWidth(f)
	if !ok {
		return look{}
	}
	able := os.Getenv("TERM") != "dumb"
	return look{width: width, colour: able && os.Getenv("NO_COLOR") == "", redraw: able}
}

// page is output for people while it is composed.
type page struct {
	strings.Builder
	look look
}

// lookIn is what can be shown where w ends up.
func lookIn(w io.Writer) look {
	if p, ok := w.(*page); ok {
		return p.look
	}
	return look{}
}

// Colours, as terminals take them.
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
)

// paint colours words that tell how something is, and leaves others alone.
func (l look) paint(word string) string {
	switch word {
	case "passing", "alive", "ok":
		return l.in(green, word)
	case "warning", "leaving":
		return l.in(yellow, word)
	case "critical", "failed", "bad":
		return l.in(red, word)
	case "maintenance", "left":
		return l.in(blue, word)
	case "leader":
		return l.in(bold, word)
	}
	return word
}

// in shows text in a colour where there are colours.
func (l look) in(colour, text string) string {
	if !l.colour || text == "" {
		return text
	}
	return colour + text + plain
}
