package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// unpack returns the files of a bundle by name.
func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	require.NoError(t, err)
	files := map[string]string{}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		files[h.Name] = string(b)
	}
}

func TestDebugBundle(t *testing.T) {
	answers := everything()
	for _, name := range []string{"heap", "goroutine", "profile", "trace"} {
		answers["GET /debug/pprof/"+name] = answer{body: name + " data"}
	}
	delete(answers, "GET /v1/operator/usage")
	f := serve(t, answers)
	name := filepath.Join(t.TempDir(), "bundle")
	o := call(t, f.URL, "debug", "-duration=30ms", "-interval=20ms", "-output="+name)
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, o.stdout, "Saved debug archive: "+name+".tar.gz\n")
	require.Contains(t, o.stdout, "not collected: usage.json: ")

	files := unpack(t, name+".tar.gz")
	for file, part := range map[string]string{
		"index.json":            `"Duration": "30ms"`,
		"agent.json":            `"NodeName": "s1"`,
		"version.json":          `"HumanVersion": "1.16.4"`,
		"checks.json":           `"Notes": "reboot"`,
		"members.json":          `"Name": "s2"`,
		"host.json":             `"Memory"`,
		"metrics.prom":          `{"Gauges":[]}`,
		"metrics-000.json":      `"Gauges": []`,
		"metrics-001.json":      `"Gauges": []`,
		"log.txt":               "line one\nline two\n",
		"leader.json":           "10.0.0.1:8300",
		"raft.json":             `"Node": "s1"`,
		"autopilot-config.json": `"MaxTrailingLogs": 250`,
		"autopilot-health.json": `"Healthy": true`,
		"autopilot-state.json":  `"Leader": "id1"`,
		"pprof/heap.prof":       "heap data",
		"pprof/goroutines.txt":  "goroutine data",
		"pprof/cpu.prof":        "profile data",
		"pprof/trace.out":       "trace data",
		"errors.txt":            "usage.json: ",
	} {
		require.Contains(t, files["bundle/"+file], part, file)
	}
	require.Len(t, files, 20)

	o = call(t, f.URL, "debug", "-duration=0s", "-output="+name)
	require.Equal(t, exitFailed, o.code, "a file that is there stays")
	require.Contains(t, o.stderr, "exists")
}

func TestDebugParts(t *testing.T) {
	f := serve(t, everything())
	name := filepath.Join(t.TempDir(), "folder")
	o := call(t, f.URL, "debug", "-archive=false", "-capture=agent", "-capture=pprof", "-duration=0s", "-output", name, "-o", "json")
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, o.stdout, `"pprof: the server has no enable_debug"`)
	entries, err := os.ReadDir(name)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"agent.json", "checks.json", "errors.txt", "index.json", "version.json"}, names)

	o = call(t, "127.0.0.1:1", "debug", "-output="+name+"2")
	require.Equal(t, exitFailed, o.code)
	_, err = os.Stat(name + "2.tar.gz")
	require.ErrorIs(t, err, os.ErrNotExist)
}
