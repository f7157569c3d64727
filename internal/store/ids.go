package store

import (
	"strings"
	"unicode/utf8"
)

// The IDs of services and checks are compared without regard to case on their
// node, like the names. What was registered last says how one is spelled; a
// record's key in registry.db follows that.

// IDKey is the key of the ID of a service instance or check, which is compared
// without regard to case.
func IDKey(id string) string { return lower(id) }

// sameID reports whether two spellings are of one ID.
func sameID(a, b string) bool { return CompareIDs(a, b) == 0 }

// CompareIDs orders IDs as views list them: by IDKey, without making the keys
// where what differs is ASCII, as nearly always.
func CompareIDs(a, b string) int {
	shorter := min(len(a), len(b))
	for i := range shorter {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= utf8.RuneSelf || y >= utf8.RuneSelf {
			return strings.Compare(IDKey(a), IDKey(b))
		}
		if x, y = lowerByte(x), lowerByte(y); x != y {
			return int(x) - int(y)
		}
	}
	if longer := max(a[shorter:], b[shorter:]); longer != "" && longer[0] >= utf8.RuneSelf {
		return strings.Compare(IDKey(a), IDKey(b)) // the shorter may end within a character
	}
	return len(a) - len(b)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
