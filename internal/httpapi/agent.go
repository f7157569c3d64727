package httpapi

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// Agent is what the door needs of the process around the registry.
type Agent interface {
	// Self returns the sections Config, DebugConfig, Stats and Meta of
	// /v1/agent/self.
	Self(ctx context.Context) (map[string]any, error)
	// Version returns the answer of /v1/agent/version.
	Version() any
	// Host returns the answer of /v1/agent/host.
	Host() any
	// Reload reads the configuration again.
	Reload() error
	// Leave removes this server from the cluster and lets the process end.
	Leave(ctx context.Context) error
	// Metrics returns the answer of /v1/agent/metrics.
	Metrics() (any, error)
	// StreamMetrics writes such an answer to w at the end of each interval until
	// the context ends or w fails.
	StreamMetrics(ctx context.Context, w io.Writer)
	// Prometheus serves the metrics in Prometheus' format; nil while
	// telemetry.prometheus_retention_time is 0.
	Prometheus() http.Handler
	// Monitor writes log lines of the level and above to w until the context
	// ends. An unknown level is Invalid and writes nothing.
	Monitor(ctx context.Context, level string, json bool, w io.Writer) error
}

// agentSelf serves /v1/agent/self.
func (h *Handler) agentSelf(q *request) (reply, error) {
	self, err := h.agent.Self(q.Context())
	if err != nil {
		return reply{}, err
	}
	members, err := h.reg.Members(q.Context())
	if err != nil {
		return reply{}, err
	}
	self["Member"] = nil
	for _, m := range members {
		if m.Name == h.reg.Name() {
			self["Member"] = m
		}
	}
	self["Coord"] = h.coordinate()
	return jsonReply(self)
}

// agentMembers serves /v1/agent/members.
func (h *Handler) agentMembers(q *request) (reply, error) {
	wan := q.get("wan") != ""
	if segment := q.get("segment"); segment != "" && segment != "_all" || wan && segment != "" {
		return reply{}, api.E(api.Invalid, "Cannot provide a segment with wan=true, and segments are a Consul Enterprise feature")
	}
	f, err := filterFor(q, filterMember{})
	if err != nil {
		return reply{}, err
	}
	members, err := h.reg.Members(q.Context())
	if err != nil {
		return reply{}, err
	}
	members, err = keep(f, members, memberFilter)
	if err != nil {
		return reply{}, err
	}
	list := []*api.Member{}
	for _, m := range members {
		if wan {
			m.Name += "." + h.reg.Datacenter()
		}
		list = append(list, m)
	}
	return jsonReply(list)
}

// agentVersion serves /v1/agent/version.
func (h *Handler) agentVersion(*request) (reply, error) { return jsonReply(h.agent.Version()) }

// agentHost serves /v1/agent/host.
func (h *Handler) agentHost(*request) (reply, error) { return jsonReply(h.agent.Host()) }

// agentReload serves PUT /v1/agent/reload.
func (h *Handler) agentReload(*request) (reply, error) {
	if err := h.agent.Reload(); err != nil {
		return reply{}, api.Wrap(api.Refused, "Failed to reload the configuration", err)
	}
	return reply{}, nil
}

// agentLeave serves PUT /v1/agent/leave.
func (h *Handler) agentLeave(q *request) (reply, error) { return reply{}, h.agent.Leave(q.Context()) }

// agentJoin serves PUT /v1/agent/join/ADDRESS.
func (h *Handler) agentJoin(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing address to join")
	}
	n, err := h.reg.Cluster().JoinCluster(q.Context(), []string{q.name})
	if err == nil && n == 0 {
		err = api.E(api.Refused, "no server answers at "+q.name)
	}
	if err != nil && api.ErrorKind(err) != api.Refused {
		err = api.Wrap(api.Refused, "join "+q.name, err)
	}
	return reply{}, err
}

// agentForceLeave serves PUT /v1/agent/force-leave/NODE.
func (h *Handler) agentForceLeave(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing node name")
	}
	return reply{}, h.reg.ForceLeave(q.Context(), strings.TrimSuffix(q.name, "."+h.reg.Datacenter()), q.has("prune"))
}

// agentMetrics serves /v1/agent/metrics.
func (h *Handler) agentMetrics(q *request) (reply, error) {
	if q.get("format") == "prometheus" {
		p := h.agent.Prometheus()
		if p == nil {
			return reply{header: http.Header{"X-Consul-Reason": {"Prometheus is not enabled since its retention time is not positive"}}}, nil
		}
		p.ServeHTTP(q.w, q.Request)
		return reply{done: true}, nil
	}
	m, err := h.agent.Metrics()
	if err != nil {
		return reply{}, err
	}
	return jsonReply(m)
}

// agentMonitor serves /v1/agent/monitor: log lines until the client goes.
func (h *Handler) agentMonitor(q *request) (reply, error) {
	level := q.get("loglevel")
	if level == "" {
		level = "INFO"
	}
	ctx, cancel := h.untilStopped(q)
	defer cancel()
	w := &flushWriter{w: q.w, rc: http.NewResponseController(q.w)}
	if err := h.agent.Monitor(ctx, level, q.has("logjson"), w); err != nil {
		return reply{}, err
	}
	return reply{done: true}, nil
}

// agentMetricsStream serves /v1/agent/metrics/stream: an object for each
// interval until the client goes. The status is sent at once, so that the
// client knows that there will be some.
func (h *Handler) agentMetricsStream(q *request) (reply, error) {
	ctx, cancel := h.untilStopped(q)
	defer cancel()
	w := &flushWriter{w: q.w, rc: http.NewResponseController(q.w)}
	if _, err := w.Write(nil); err == nil {
		h.agent.StreamMetrics(ctx, w)
	}
	return reply{done: true}, nil
}

// untilStopped is a context that ends with the request, or with the door.
func (h *Handler) untilStopped(q *request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(q.Context())
	release := context.AfterFunc(h.stop, cancel)
	return ctx, func() { release(); cancel() }
}

// flushWriter sends each line at once.
type flushWriter struct {
	w  io.Writer
	rc *http.ResponseController
}

func (f *flushWriter) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if err == nil {
		err = f.rc.Flush()
	}
	return n, err
}

// agentToken serves PUT /v1/agent/token/KIND: there is no access control.
func (h *Handler) agentToken(*request) (reply, error) {
	return reply{}, api.E(api.Disabled, "ACL support disabled")
}
