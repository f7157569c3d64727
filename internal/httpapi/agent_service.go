package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// serviceRegister serves PUT /v1/agent/service/register.
func (h *Handler) serviceRegister(q *request) (reply, error) {
	reg, err := decodeService(q)
	if err != nil {
		return reply{}, err
	}
	replace := q.has("replace-existing-checks") && (q.get("replace-existing-checks") == "" || q.get("replace-existing-checks") == "true")
	return reply{}, h.reg.RegisterService(q.Context(), reg, replace)
}

// serviceDeregister serves PUT /v1/agent/service/deregister/ID.
func (h *Handler) serviceDeregister(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.NotFound, "Unknown service ID \"\". Ensure that the service ID is passed, not the service name.")
	}
	return reply{}, h.reg.DeregisterService(q.Context(), q.name)
}

// enableParam reads the ?enable of the maintenance endpoints.
func enableParam(q *request) (bool, error) {
	switch q.get("enable") {
	case "":
		return false, api.E(api.Invalid, "Missing value for enable")
	case "true", "1", "t", "T", "TRUE", "True":
		return true, nil
	case "false", "0", "f", "F", "FALSE", "False":
		return false, nil
	}
	return false, api.E(api.Invalid, "Invalid value for enable: "+q.get("enable"))
}

// serviceMaintenance serves PUT /v1/agent/service/maintenance/ID.
func (h *Handler) serviceMaintenance(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service ID")
	}
	on, err := enableParam(q)
	if err != nil {
		return reply{}, err
	}
	return reply{}, h.reg.SetServiceMaintenance(q.Context(), q.name, on, q.get("reason"))
}

// nodeMaintenance serves PUT /v1/agent/maintenance.
func (h *Handler) nodeMaintenance(q *request) (reply, error) {
	on, err := enableParam(q)
	if err != nil {
		return reply{}, err
	}
	return reply{}, h.reg.SetNodeMaintenance(q.Context(), on, q.get("reason"))
}

// appendLocal writes an instance as the agent's endpoints show it.
func (h *Handler) appendLocal(b []byte, s *api.Service, hash string) []byte {
	b = append(b, '{')
	if s.Kind != "" {
		b = append(appendField(b, `"Kind":`, s.Kind), ',')
	}
	b = appendField(b, `"ID":`, s.ID)
	b = appendField(b, `,"Service":`, s.Service)
	b = appendTags(append(b, `,"Tags":`...), s.Tags)
	meta := s.Meta
	if meta == nil {
		meta = map[string]string{}
	}
	b = appendMap(append(b, `,"Meta":`...), meta)
	b = appendInt(b, `,"Port":`, s.Port)
	b = appendField(b, `,"Address":`, s.Address)
	if s.SocketPath != "" {
		b = appendField(b, `,"SocketPath":`, s.SocketPath)
	}
	if len(s.TaggedAddresses) > 0 {
		b = appendAddresses(append(b, `,"TaggedAddresses":`...), s.TaggedAddresses)
	}
	b = appendWeights(append(b, `,"Weights":`...), s)
	b = appendBool(b, `,"EnableTagOverride":`, s.EnableTagOverride)
	b = appendField(b, `,"Datacenter":`, h.reg.Datacenter())
	if s.Locality != nil {
		b = appendLocality(append(b, `,"Locality":`...), s.Locality)
	}
	if hash != "" {
		b = appendField(b, `,"ContentHash":`, hash)
	}
	return append(b, '}')
}

// local returns this server's own instances, without its own service.
func (h *Handler) local(st *store.State) (*store.NodeView, []*store.Instance) {
	v := h.reg.OwnNode(st)
	if v == nil {
		return nil, nil
	}
	list := make([]*store.Instance, 0, len(v.Instances))
	for _, i := range v.Instances {
		if i.Service.ID != store.ServerService {
			list = append(list, i)
		}
	}
	return v, list
}

// agentServices serves /v1/agent/services.
func (h *Handler) agentServices(q *request) (reply, error) {
	f, err := filterFor(q, filterService{})
	if err != nil {
		return reply{}, err
	}
	cluster, err := q.clusterScope(false)
	if err != nil {
		return reply{}, err
	}
	if cluster {
		return h.clusterServices(f)
	}
	v, list := h.local(h.reg.State())
	if v != nil && f == nil {
		return reply{body: kept(&v.Cache, formAgentServices, func() []byte { return h.encodeLocal(list) })}, nil
	}
	list, err = keep(f, list, func(i *store.Instance) any { return serviceFilter(i.Service) })
	return reply{body: encode(h.encodeLocal(list))}, err
}

func (h *Handler) encodeLocal(list []*store.Instance) []byte {
	b := []byte{'{'}
	for n, i := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = h.appendLocal(append(appendString(b, i.Service.ID), ':'), i.Service, "")
	}
	return append(b, '}')
}

// agentService serves /v1/agent/service/ID, which waits while ?hash is that of
// the service as it is.
func (h *Handler) agentService(q *request) (reply, error) {
	notFound := api.E(api.NotFound, "unknown service ID: "+q.name)
	timeout, stop := h.waitTimer(q)
	defer stop()
	for {
		st := h.reg.State()
		v, i := h.reg.FindService(st, q.name)
		if i == nil {
			return reply{}, notFound
		}
		sum := sha256.Sum256(h.appendLocal(nil, i.Service, ""))
		hash := hex.EncodeToString(sum[:8])
		if q.hash == "" || q.hash != hash || timeout == nil {
			return h.agentServiceReply(i.Service, hash), nil
		}
		select {
		case <-v.Catalog.C():
		case <-timeout:
			timeout = nil
		case <-q.Context().Done():
			return reply{}, q.Context().Err()
		case <-h.stop.Done():
			return reply{}, api.E(api.Unavailable, "the server is shutting down")
		}
	}
}

func (h *Handler) agentServiceReply(s *api.Service, hash string) reply {
	return reply{body: encode(h.appendLocal(nil, s, hash)), header: http.Header{"X-Consul-Contenthash": {hash}}}
}

// agentHealthByID serves /v1/agent/health/service/id/ID.
func (h *Handler) agentHealthByID(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Refused, "Missing serviceID")
	}
	_, i := h.reg.FindService(h.reg.State(), q.name)
	if i == nil {
		if wantsText(q) {
			return text(http.StatusNotFound, "ServiceId "+q.name+" not found"), nil
		}
		return reasoned(reply{status: http.StatusNotFound, body: encode([]byte(`{"AggregatedStatus":"critical","Service":null,"Checks":null}`))}, api.Critical), nil
	}
	status := aggregate(localChecks(i))
	if wantsText(q) {
		return reasoned(text(statusCode(status), status), status), nil
	}
	return reasoned(reply{status: statusCode(status), body: encode(h.appendServiceHealth(nil, i, status))}, status), nil
}

// agentHealthByName serves /v1/agent/health/service/name/NAME.
func (h *Handler) agentHealthByName(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Refused, "Missing service Name")
	}
	_, list := h.local(h.reg.State())
	list = slices.DeleteFunc(slices.Clone(list), func(i *store.Instance) bool { return !strings.EqualFold(i.Service.Service, q.name) })
	if len(list) == 0 {
		if wantsText(q) {
			return text(http.StatusNotFound, "ServiceName "+q.name+" Not Found"), nil
		}
		return reasoned(reply{status: http.StatusNotFound, body: emptyList}, api.Critical), nil
	}
	worst := api.Passing
	b := appendList(nil, list, func(b []byte, i *store.Instance) []byte {
		s := aggregate(localChecks(i))
		if statusCode(s) > statusCode(worst) || s == maintenance {
			worst = s
		}
		return h.appendServiceHealth(b, i, s)
	})
	if wantsText(q) {
		return reasoned(text(statusCode(worst), worst), worst), nil
	}
	return reasoned(reply{status: statusCode(worst), body: encode(b)}, worst), nil
}

// reasoned says the status in a header, for load balancers that show it.
func reasoned(r reply, status string) reply {
	r.header = http.Header{"X-Consul-Reason": {status}}
	return r
}

// localChecks are the checks that an agent knows of an instance: all but the
// one that says whether the server itself is alive.
func localChecks(i *store.Instance) []*api.Check {
	return slices.DeleteFunc(slices.Clone(i.Checks()), func(c *api.Check) bool { return c.CheckID == api.SerfHealth })
}

func wantsText(q *request) bool {
	return q.get("format") == "text" || strings.Contains(q.Header.Get("Accept"), "text/plain")
}

// maintenance is the aggregated status of an instance in maintenance.
const maintenance = "maintenance"

// aggregate returns the worst status of the checks; maintenance beats all.
func aggregate(checks []*api.Check) string {
	worst := api.Passing
	for _, c := range checks {
		switch {
		case c.CheckID == api.NodeMaintenance || strings.HasPrefix(c.CheckID, api.ServiceMaintenancePrefix):
			return maintenance
		case c.Status == api.Critical:
			worst = api.Critical
		case c.Status == api.Warning && worst == api.Passing:
			worst = api.Warning
		}
	}
	return worst
}

func statusCode(status string) int {
	switch status {
	case api.Passing:
		return http.StatusOK
	case api.Warning:
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

func (h *Handler) appendServiceHealth(b []byte, i *store.Instance, status string) []byte {
	b = appendField(b, `{"AggregatedStatus":`, status)
	b = h.appendLocal(append(b, `,"Service":`...), i.Service, "")
	b = appendList(append(b, `,"Checks":`...), localChecks(i), func(b []byte, c *api.Check) []byte { return appendHealthCheck(b, h.latest(c)) })
	return append(b, '}')
}
