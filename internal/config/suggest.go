package config

import (
	"fmt"
	"strings"
)

// suggestion names the known key that is most like path, or is empty.
func suggestion(path string) string {
	best, least := "", 3
	try := func(known string) {
		if parent(known) != parent(path) {
			return
		}
		if d := distance(known, path, least); d < least {
			best, least = known, d
		}
	}
	for _, e := range table().entries {
		try(e.path)
		for group := parent(e.path); group != ""; group = parent(group) {
			try(group)
		}
	}
	for _, a := range aliases {
		try(a.old)
	}
	if best == "" && !strings.Contains(path, ".") {
		// Perhaps it only lacks its group.
		for _, e := range table().entries {
			if strings.HasSuffix(e.path, "."+path) {
				best = e.path
				break
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is how many letters must be changed to turn a into b; anything from
// limit on is only said to be limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return min(row[len(b)], limit)
}
