package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// Metrics are a server's figures of the last interval.
type Metrics struct {
	Timestamp string
	Gauges    []Gauge
	Points    []Points
	Counters  []Sample
	Samples   []Sample
}

// Gauge is a figure with its present value.
type Gauge struct {
	Name   string
	Value  float64
	Labels map[string]string
}

// Points are the single values of a figure.
type Points struct {
	Name   string
	Points []float64
}

// Sample sums up the values of a figure over the interval.
type Sample struct {
	Name   string
	Count  int
	Rate   float64 // per second
	Sum    float64
	Min    float64
	Max    float64
	Mean   float64
	Stddev float64
	Labels map[string]string
}

// Metrics returns the server's figures.
func (a Agent) Metrics(ctx context.Context) (*Metrics, error) {
	return agentGet[*Metrics](ctx, a, "/v1/agent/metrics", nil)
}

// MetricsText returns the server's figures in the text format of Prometheus.
func (a Agent) MetricsText(ctx context.Context) ([]byte, error) {
	rep, err := a.c.do(ctx, &request{
		method: http.MethodGet,
		path:   "/v1/agent/metrics",
		params: url.Values{"format": {"prometheus"}},
		pinned: true,
	})
	if err != nil {
		return nil, err
	}
	return rep.body, nil
}

// Monitor streams the server's log from now on, a line an event, until ctx
// ends or the stream is closed, which the caller must do. Level is the least
// to show, such as "debug" ("" means info); asJSON makes each line an object.
func (a Agent) Monitor(ctx context.Context, level string, asJSON bool) (io.ReadCloser, error) {
	params := url.Values{}
	if level != "" {
		params.Set("loglevel", level)
	}
	if asJSON {
		params.Set("logjson", "true")
	}
	rep, err := a.c.do(ctx, &request{method: http.MethodGet, path: "/v1/agent/monitor", params: params, pinned: true, open: true})
	if err != nil {
		return nil, err
	}
	return rep.open, nil
}
