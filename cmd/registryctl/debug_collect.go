package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/pkg/api"
)

// collect fills the bundle. What takes the whole time is done side by side.
func collect(ctx context.Context, c *api.Client, conn *connection, o debugOptions, b *bundle) {
	wants := func(part string) bool { return slices.Contains(o.capture, part) }
	b.putJSON("index.json", struct {
		Registryctl string
		Address     string
		Time        time.Time
		Duration    string
		Captured    []string
	}{config.Version, conn.where(), time.Now().UTC(), o.duration.String(), o.capture}, nil)

	var tasks sync.WaitGroup
	if wants("logs") {
		tasks.Go(func() {
			text, err := logOf(ctx, c, o.duration)
			b.put("log.txt", text, err)
		})
	}
	if wants("metrics") {
		tasks.Go(func() { collectMetrics(ctx, c, o, b) })
	}
	if wants("pprof") {
		tasks.Go(func() { collectProfiles(ctx, conn, c.Addresses()[0], o.duration, b) })
	}
	if wants("agent") {
		v, err := c.Agent().Self(ctx)
		b.putJSON("agent.json", v, err)
		version, err := c.Agent().Version(ctx)
		b.putJSON("version.json", version, err)
		checks, err := c.Agent().Checks(ctx, "")
		b.putJSON("checks.json", checks, err)
	}
	if wants("members") {
		v, err := c.Agent().Members(ctx, false, "")
		b.putJSON("members.json", v, err)
	}
	if wants("host") {
		v, err := c.Agent().Host(ctx)
		b.putJSON("host.json", v, err)
	}
	if wants("cluster") {
		collectCluster(ctx, c, b)
	}
	tasks.Wait()
}

// collectCluster adds what the servers think of each other.
func collectCluster(ctx context.Context, c *api.Client, b *bundle) {
	// Without a leader, what this server knows is all there is.
	stale := &api.QueryOptions{Consistency: api.ReadStale}
	leader, err := c.Status().Leader(ctx)
	b.putJSON("leader.json", leader, err)
	raft, err := c.Operator().RaftConfiguration(ctx, stale)
	b.putJSON("raft.json", raft, err)
	conf, err := c.Operator().AutopilotConfiguration(ctx, stale)
	b.putJSON("autopilot-config.json", conf, err)
	health, err := c.Operator().AutopilotHealth(ctx)
	b.putJSON("autopilot-health.json", health, err)
	state, err := c.Operator().AutopilotState(ctx)
	b.putJSON("autopilot-state.json", state, err)
	usage, _, err := c.Operator().Usage(ctx, stale)
	b.putJSON("usage.json", usage, err)
}

// collectMetrics adds the metrics at each interval.
func collectMetrics(ctx context.Context, c *api.Client, o debugOptions, b *bundle) {
	text, err := c.Agent().MetricsText(ctx)
	b.put("metrics.prom", text, err)
	for i := 0; ; i++ {
		m, err := c.Agent().Metrics(ctx)
		b.putJSON(fmt.Sprintf("metrics-%03d.json", i), m, err)
		if time.Duration(i+1)*o.interval > o.duration {
			return
		}
		select {
		case <-time.After(o.interval):
		case <-ctx.Done():
			return
		}
	}
}

// logOf is the server's log of the time d from now on.
func logOf(ctx context.Context, c *api.Client, d time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	stream, err := c.Agent().Monitor(ctx, "debug", false)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil // the time was too short for a single line
		}
		return nil, err
	}
	defer stream.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, stream); err != nil && ctx.Err() == nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// putJSON adds v as a file.
func (b *bundle) putJSON(name string, v any, err error) {
	var text bytes.Buffer
	if err == nil {
		err = writeJSON(&text, v)
	}
	b.put(name, text.Bytes(), err)
}
