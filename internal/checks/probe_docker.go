package checks

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// probeDocker runs the command in a running container through the Docker
// engine's API: make an exec, start it and read its output, ask for its exit
// code. The code counts as with scripts.
func (p *prober) probeDocker(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	said := tail{limit: p.limit(def)}
	code, err := p.dockerExec(ctx, def, &said)
	switch {
	case err != nil && ctx.Err() != nil:
		return timedOut(def, kindDocker, said.captured())
	case err != nil:
		return failed(err)
	}
	return byExit(code), said.captured()
}

func (p *prober) dockerExec(ctx context.Context, def *api.CheckDefinition, said *tail) (code int, err error) {
	c, err := newDockerClient(p.docker)
	if err != nil {
		return 0, err
	}
	defer c.http.CloseIdleConnections()

	var made struct{ ID string }
	err = c.call(ctx, http.MethodPost, "/containers/"+url.PathEscape(def.DockerContainerID)+"/exec",
		map[string]any{"AttachStdout": true, "AttachStderr": true, "Cmd": def.Args}, func(r io.Reader) error {
			return json.NewDecoder(r).Decode(&made)
		})
	if err != nil {
		return 0, err
	}
	exec := "/exec/" + url.PathEscape(made.ID)
	err = c.call(ctx, http.MethodPost, exec+"/start", map[string]any{"Detach": false, "Tty": false}, func(r io.Reader) error {
		return demux(said, r)
	})
	if err != nil {
		return 0, err
	}
	var done struct{ ExitCode int }
	err = c.call(ctx, http.MethodGet, exec+"/json", nil, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&done)
	})
	return done.ExitCode, err
}

// dockerClient speaks to a Docker engine.
type dockerClient struct {
	http *http.Client
	base string
}

// newDockerClient takes unix:///path or tcp://host:port.
func newDockerClient(host string) (*dockerClient, error) {
	scheme, addr, _ := strings.Cut(host, "://")
	switch scheme {
	case "unix":
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", addr)
		}
		return &dockerClient{&http.Client{Transport: &http.Transport{DialContext: dial}}, "http://docker"}, nil
	case "tcp", "http":
		return &dockerClient{&http.Client{Transport: &http.Transport{}}, "http://" + addr}, nil
	}
	return nil, fmt.Errorf("docker host %q is neither unix:///path nor tcp://host:port", host)
}

// call sends one request and hands the body of a good answer to read.
func (c *dockerClient) call(ctx context.Context, method, path string, body any, read func(io.Reader) error) error {
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask docker: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return fmt.Errorf("docker answers %s: %s", resp.Status, strings.TrimSpace(string(said)))
	}
	return read(resp.Body)
}

// demux copies the output out of Docker's framing: a byte for the stream, three
// that are 0, and the length of what follows.
func demux(to io.Writer, from io.Reader) error {
	var header [8]byte
	for {
		if _, err := io.ReadFull(from, header[:]); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		if _, err := io.CopyN(to, from, int64(binary.BigEndian.Uint32(header[4:]))); err != nil {
			return err
		}
	}
}
