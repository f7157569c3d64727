//go:build unix

package readme_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long one command may take; a build fills it on a busy
// machine.
const patience = 5 * time.Minute

// treatment says how the commands with a prefix are tried. Those that none fits
// are run once and must succeed.
type treatment struct {
	prefix string
	// Of the following one is set.
	skip   string              // why the command is not tried
	ready  string              // it stays in the background, and this URL answers once it is ready
	glance bool                // it runs until Ctrl-C: it must print something
	retry  bool                // it asks for what comes about in a moment
	change func(string) string // it is run in another form
}

// treatments returns all; each must fit some command.
func treatments() []*treatment {
	return []*treatment{
		{prefix: "make demo-chaos", change: func(recipe string) string { return strings.Replace(recipe, "-for 1m", "-for 3s", 1) }},
		{prefix: "make demo", ready: "http://127.0.0.1:9000"},
		{prefix: "go build -tags hashicorpmetrics -o bin/ ./cmd/... ./examples/... && bin/demo", ready: "http://127.0.0.1:9000"},
		{prefix: "sh test/all.sh", skip: "it runs this test"},
		{prefix: "bin/registryd -dev", ready: "http://127.0.0.1:8500/v1/status/leader"},
		{prefix: "bin/registryd -server", skip: "it needs three hosts"},
		{prefix: "bin/registryctl watch", glance: true},
		{prefix: "bin/registryctl lookup web --passing", retry: true},
	}
}

func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the programs")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	p := newPlace(t, root)
	ways := treatments()
	used := map[*treatment]bool{}
	list := commands(string(text))
	require.NotEmpty(t, list)
	for _, c := range list {
		way := &treatment{}
		for _, w := range ways {
			if strings.HasPrefix(c.text, w.prefix) {
				way, used[w] = w, true
				break
			}
		}
		name, _, _ := strings.Cut(c.text, "  #")
		if !t.Run(fmt.Sprintf("line %d: %s", c.line, strings.TrimSpace(name)), func(t *testing.T) { p.try(t, c, way) }) && way.ready != "" {
			t.Fatal("what follows needs this")
		}
	}
	for _, w := range ways {
		require.True(t, used[w], "no command begins with %q any more", w.prefix)
	}
	p.replace(nil)
	for i, snippet := range goSnippets(string(text)) {
		t.Run(fmt.Sprintf("Go snippet %d", i+1), func(t *testing.T) { p.compile(t, snippet) })
	}
}

// try does one command.
func (p *place) try(t *testing.T, c command, way *treatment) {
	if way.skip != "" {
		t.Skip(way.skip)
	}
	tool, _, _ := strings.Cut(c.text, " ")
	if !strings.Contains(tool, "/") {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no program " + tool)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	text := c.text
	if way.change != nil {
		recipe, err := p.recipe(strings.Fields(text)[1])
		require.NoError(t, err)
		text = way.change(recipe)
		require.NotEqual(t, recipe, text, "what was to be changed is not there")
		p.replace(nil) // the ports must be free
	}
	script, err := p.script(text)
	require.NoError(t, err)
	if way.ready != "" {
		p.replace(nil)
	}
	for {
		r, err := p.start(script)
		require.NoError(t, err)
		switch {
		case way.ready != "":
			p.replace(r)
			err = r.answers(ctx, movePorts(way.ready, p.offset))
		case way.glance:
			err = r.glance(ctx)
		default:
			err = r.wait(ctx)
		}
		if err == nil {
			return
		}
		require.True(t, way.retry && ctx.Err() == nil, "%s: %v", script, err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// answers waits until the URL is answered well with more than nothing.
func (r *process) answers(ctx context.Context, url string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for {
		err := ask(ctx, client, url)
		if err == nil {
			return nil
		}
		select {
		case <-r.done:
			return fmt.Errorf("it ended, %v: %s", r.err, r.out)
		case <-ctx.Done():
			return fmt.Errorf("%s is not answered, %w: %s", url, err, r.out)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return errors.New(res.Status)
	case len(strings.Trim(string(body), "\"\n")) == 0:
		return errors.New("empty answer")
	}
	return nil
}

// compile builds a snippet as the body of a function.
func (p *place) compile(t *testing.T, snippet string) {
	dir := filepath.Join(p.dir, "snippet")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	program := "package main\n\nimport (\n\t\"context\"\n\n\t\"github.com/registryd/registryd/pkg/api\"\n)\n\nfunc main() {\n\tctx := context.Background()\n" + snippet + "\n\t_ = err\n}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644))
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./snippet")
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, program)
}
