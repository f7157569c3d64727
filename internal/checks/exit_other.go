//go:build !linux

package checks

// awaitExit returns false where a child that has ended cannot be left to be
// waited for.
func awaitExit(int) bool { return false }
