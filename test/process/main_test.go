// Package process_test proves what only real processes can: kills, pauses,
// signals, exit codes, full disks, and what an operator does to a data
// directory.
package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/registryd/registryd/internal/harness"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "registryd-test-")
	if err == nil {
		_, err = harness.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv(binaryDir, dir)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// binaryDir names the variable of the environment with the directory in which
// TestMain has built the server.
const binaryDir = "REGISTRYD_TEST_BINARY_DIR"

// binary returns the path of the server.
func binary() string {
	if err := sources(); err != nil {
		panic(err)
	}
	return filepath.Join(os.Getenv(binaryDir), "registryd")
}

var sources = sync.OnceValue(harness.Sources)
