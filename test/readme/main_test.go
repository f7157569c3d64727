//go:build unix

// Package readme_test runs the commands of README.md as a reader would: in
// order, in a copy of the tree, against the programs they start. A command that
// does not work as written fails the test; one that cannot be tried here (it
// needs other hosts, or a program that is missing) is skipped with its reason,
// which go test -v prints.
//
// The commands use the default ports. Where one of those is taken, the same
// number is added to all of them.
package readme_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
