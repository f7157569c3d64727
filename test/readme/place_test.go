//go:build unix

package readme_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// place is where the commands run: a copy of the tree, so that what they build
// and write is gone afterwards.
type place struct {
	dir    string
	offset int // of the ports
	behind *process
}

func newPlace(t *testing.T, root string) *place {
	t.Helper()
	p := &place{dir: t.TempDir(), offset: freeOffset(t)}
	require.NoError(t, copyTree(root, p.dir))
	t.Cleanup(func() { p.replace(nil) })
	return p
}

// copyTree copies files, without what git keeps and what builds leave behind.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch rel {
		case ".git", "bin", "dist", "demo-data":
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		switch {
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, info.Mode().Perm())
	})
}

// script makes a shell script of a command: with the ports moved and a curl
// that fails when the status does.
func (p *place) script(text string) (string, error) {
	if strings.HasPrefix(text, "make ") && p.offset != 0 {
		recipe, err := p.recipe(strings.Fields(text)[1])
		if err != nil {
			return "", err
		}
		text = recipe
	}
	if p.offset != 0 {
		text = movePorts(text, p.offset)
		text = strings.Replace(text, "bin/demo", fmt.Sprintf("bin/demo -offset=%d", p.offset), 1)
		text = strings.Replace(text, "bin/registryd -dev", "bin/registryd -dev"+p.portFlags(), 1)
	}
	return "set -e\ncurl() { command curl --fail --silent --show-error \"$@\"; }\n" + text, nil
}

// recipe returns what make would do.
func (p *place) recipe(target string) (string, error) {
	cmd := exec.Command("make", "-n", "--no-print-directory", target)
	cmd.Dir = p.dir
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("make -n %s: %w", target, err)
	}
	return string(out), nil
}

func (p *place) portFlags() string {
	var b strings.Builder
	for name, port := range map[string]int{"http": 8500, "dns": 8600, "server": 8300, "serf-lan": 8301} {
		fmt.Fprintf(&b, " -%s-port=%d", name, port+p.offset)
	}
	return b.String()
}

// environ is ours without what would lead the tools elsewhere.
func (p *place) environ() []string {
	// As the Makefile builds, so that nothing is compiled twice, nor again the
	// next time.
	env := []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name != "CGO_ENABLED" && name != "GOFLAGS" && !strings.HasPrefix(name, "CONSUL_") && !strings.HasPrefix(name, "REGISTRYD_") {
			env = append(env, v)
		}
	}
	if p.offset != 0 {
		env = append(env, "CONSUL_HTTP_ADDR=127.0.0.1:"+movePorts("8500", p.offset))
	}
	return env
}

// replace stops what runs in the background and puts another in its place.
func (p *place) replace(next *process) {
	if p.behind != nil {
		p.behind.stop()
	}
	p.behind = next
}
