// Package rig runs the registryd that was built from this tree as processes on
// free ports of 127.0.0.1: one server, a cluster of several, and a front that
// stands for the load balancer before a cluster.
package rig

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// patience is how long a condition may take until a test gives up on it.
const patience = 30 * time.Second

// buildDir is where this test process builds.
func buildDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("registryd-compat-%d", os.Getpid()))
}

// build makes the program once for each test process; REGISTRYD names one that
// is there already. Go's test cache does not see what the program is made of:
// after a change of registryd run the tests with -count=1.
var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("REGISTRYD"); path != "" {
		return filepath.Abs(path)
	}
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", fmt.Errorf("build registryd: this file's place is unknown")
	}
	path := filepath.Join(buildDir(), "registryd")
	cmd := exec.Command("go", "build", "-tags", "hashicorpmetrics", "-o", path, "./cmd/registryd")
	cmd.Dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build registryd: %w: %s", err, out)
	}
	return path, nil
})

// InstallAs makes a program of that name which is registryd, in a directory of
// its own that it puts before the PATH of this process. It returns what removes
// the directory.
func InstallAs(name string) (remove func(), err error) {
	path, err := build()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "registryd-as-"+name)
	if err != nil {
		return nil, err
	}
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", path)
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		return nil, err
	}
	return func() { _ = os.RemoveAll(dir) }, os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// Binary returns the path of the built program.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// atOnce is how many tests of a package run at a time. They wait for servers
// far more than they compute, and some for each other.
const atOnce = "32"

// Run runs the tests of a package and removes the built program behind them.
// TestMain calls it and exits with what it returns.
func Run(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(buildDir())
	return m.Run()
}

// Eventually tries until ok returns nil, and fails the test with its last error
// when that takes too long. what names the condition.
func Eventually(t testing.TB, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Within receives from ch, and fails the test when nothing comes. what names
// what is waited for.
func Within[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
		panic("unreachable")
	}
}
