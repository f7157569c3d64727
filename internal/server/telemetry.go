package server

import (
	"net/http"
	"time"

	"github.com/hashicorp/go-metrics"
	metricsprom "github.com/hashicorp/go-metrics/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/registryd/registryd/pkg/api"
)

// telemetry collects what this server and the libraries beneath it measure.
type telemetry struct {
	memory     *metrics.InmemSink
	prometheus http.Handler // nil while switched off
}

// Intervals of /v1/agent/metrics, Consul's: sums over 10 s, kept for a minute.
const (
	metricsInterval = 10 * time.Second
	metricsKept     = time.Minute
)

// openTelemetry sets up the sinks. hashicorp's libraries report to one global
// sink; a server that owns its process makes it this one.
func (s *Server) openTelemetry() error {
	t := &telemetry{memory: metrics.NewInmemSink(metricsInterval, metricsKept)}
	s.telemetry = t
	sinks := metrics.FanoutSink{t.memory}
	c := s.cfg.Telemetry
	if c.PrometheusRetentionTime > 0 {
		reg := prometheus.NewRegistry()
		sink, err := metricsprom.NewPrometheusSinkFrom(metricsprom.PrometheusOpts{Expiration: c.PrometheusRetentionTime, Registerer: reg})
		if err != nil {
			return err
		}
		reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newStateCollector(s))
		t.prometheus = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
		sinks = append(sinks, sink)
	}
	if !s.opts.Sole {
		return nil
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		newPacer(s.store.ReleasePages).run(quit)
	}()
	s.onClose("garbage collection", func() error { close(quit); <-ended; return nil })
	conf := metrics.DefaultConfig(c.MetricsPrefix)
	conf.EnableHostname = !c.DisableHostname
	conf.EnableRuntimeMetrics = false // the library's goroutine for it never ends; see emitRuntime
	conf.FilterDefault = c.FilterDefault
	for _, f := range c.PrefixFilter {
		if len(f) > 1 && f[0] == '+' {
			conf.AllowedPrefixes = append(conf.AllowedPrefixes, f[1:])
		} else if len(f) > 1 && f[0] == '-' {
			conf.BlockedPrefixes = append(conf.BlockedPrefixes, f[1:])
		}
	}
	m, err := metrics.NewGlobal(conf, sinks)
	if err != nil {
		return err
	}
	s.onClose("telemetry", func() error { m.Shutdown(); return nil })
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		emitRuntime(m, stop)
	}()
	s.onClose("runtime metrics", func() error { close(stop); <-stopped; return nil })
	return nil
}

// emitRuntime puts what the runtime measures into every interval until stop is
// closed.
func emitRuntime(m *metrics.Metrics, stop <-chan struct{}) {
	tick := time.NewTicker(metricsInterval)
	defer tick.Stop()
	for {
		m.EmitRuntimeStats()
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// summary is the answer of /v1/agent/metrics.
func (t *telemetry) summary() (any, error) {
	v, err := t.memory.DisplayMetrics(nil, nil)
	if err != nil {
		return nil, api.Wrap(api.Unavailable, "no metrics yet", err)
	}
	return v, nil
}

// stateCollector reads gauges of the catalog when Prometheus asks.
type stateCollector struct {
	s                               *Server
	index, nodes, leader, watchers  *prometheus.Desc
	running, probing, waiting, late *prometheus.Desc // of checks
}

func newStateCollector(s *Server) *stateCollector {
	d := func(name, help string) *prometheus.Desc { return prometheus.NewDesc("registryd_"+name, help, nil, nil) }
	return &stateCollector{s: s,
		index: d("catalog_index", "Raft index of the catalog on this server."), nodes: d("catalog_nodes", "Nodes in the catalog."),
		leader: d("raft_leader", "1 if this server leads, else 0."), watchers: d("watchers", "Blocking queries that wait on this server."),
		running: d("checks_running", "Checks that this server runs."), probing: d("checks_probing", "Checks with a probe in flight."),
		waiting: d("checks_waiting", "Checks whose time has come, but not their turn."),
		late:    d("checks_late_seconds", "How long after their time 99 of 100 checks began their last run, at most."),
	}
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	if c.s.registry == nil || c.s.runner == nil {
		return
	}
	f := c.s.registry.Figures()
	gauge(c.index, float64(f.Index))
	gauge(c.nodes, float64(c.s.registry.State().NodeCount()))
	gauge(c.watchers, float64(f.Watchers))
	gauge(c.running, float64(f.Checks))
	gauge(c.probing, float64(f.Probes))
	gauge(c.waiting, float64(f.Waiting))
	gauge(c.late, time.Duration(f.LateP99).Seconds())
	leads := 0.0
	if f.Leader {
		leads = 1
	}
	gauge(c.leader, leads)
}
