package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// gap is the space between two columns.
const gap = 2

// table prints rows below a heading, in columns. An empty cell shows as "-".
// Nothing is printed, not even the heading, when there are no rows.
func table(w io.Writer, heading string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	titles := strings.Split(heading, "|")
	grid(w, append([][]string{titles}, rows...), true)
}

// columns prints rows with their cells aligned.
func columns(w io.Writer, rows [][]string) { grid(w, rows, false) }

// grid prints rows with their cells aligned, the first of them as a heading if
// there is one. On a terminal, cells are shortened until the lines fit.
func grid(w io.Writer, rows [][]string, heading bool) {
	l := lookIn(w)
	width := widths(rows)
	fit(width, l.width)
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			cell = clip(shown(cell), width[i])
			pad := width[i] - utf8.RuneCountInString(cell) + gap
			if heading && n == 0 {
				cell = l.in(bold, cell)
			}
			line.WriteString(l.paint(cell))
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", pad))
			}
		}
		fmt.Fprintln(w, line.String())
	}
}

// widths is the width of each column.
func widths(rows [][]string) []int {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(shown(cell)))
		}
	}
	return width
}

// fit makes columns narrower until they fit into limit characters, if that is
// possible with some of each left; limit 0 leaves them alone. The last column
// gives way first: it holds what is said, and the others what it is said of.
func fit(width []int, limit int) {
	const last, least = 20, 8 // characters that stay of the last column and of any
	if limit <= 0 || len(width) == 0 {
		return
	}
	over := gap*(len(width)-1) - limit
	for _, n := range width {
		over += n
	}
	end := len(width) - 1
	if cut := min(over, width[end]-last); cut > 0 {
		width[end] -= cut
		over -= cut
	}
	for ; over > 0; over-- {
		widest := 0
		for i := range width {
			if width[i] > width[widest] {
				widest = i
			}
		}
		if width[widest] <= least {
			return
		}
		width[widest]--
	}
}
