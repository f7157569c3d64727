package httpapi

import (
	"io"
	"net/http"

	"github.com/registryd/registryd/pkg/api"
)

// routes is the list of all endpoints. A path that ends in a slash takes a
// name behind it.
func (h *Handler) routes() {
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "registryd: a service registry\n") })
	h.mux.NotFound(h.unknown)

	h.debugRoutes()
	h.handle("/v1/agent/self", get(h.agentSelf))
	h.handle("/v1/agent/host", get(h.agentHost))
	h.handle("/v1/agent/version", get(h.agentVersion))
	h.handle("/v1/agent/members", get(h.agentMembers))
	h.handle("/v1/agent/metrics", get(h.agentMetrics))
	h.handle("/v1/agent/metrics/stream", get(h.agentMetricsStream))
	h.handle("/v1/agent/monitor", get(h.agentMonitor))
	h.handle("/v1/agent/reload", put(h.agentReload))
	h.handle("/v1/agent/maintenance", put(h.nodeMaintenance))
	h.handle("/v1/agent/join/", put(h.agentJoin))
	h.handle("/v1/agent/leave", put(h.agentLeave))
	h.handle("/v1/agent/force-leave/", put(h.agentForceLeave))
	h.handle("/v1/agent/token/", put(h.agentToken))
	h.handle("/v1/agent/services", get(h.agentServices))
	h.handle("/v1/agent/service/", get(h.agentService))
	h.handle("/v1/agent/service/register", put(h.serviceRegister))
	h.handle("/v1/agent/service/deregister/", put(h.serviceDeregister))
	h.handle("/v1/agent/service/maintenance/", put(h.serviceMaintenance))
	h.handle("/v1/agent/health/service/id/", get(h.agentHealthByID))
	h.handle("/v1/agent/health/service/name/", get(h.agentHealthByName))
	h.handle("/v1/agent/checks", get(h.agentChecks))
	h.handle("/v1/agent/check/register", put(h.checkRegister))
	h.handle("/v1/agent/check/deregister/", put(h.checkDeregister))
	h.handle("/v1/agent/check/pass/", put(h.checkReport(api.Passing)))
	h.handle("/v1/agent/check/warn/", put(h.checkReport(api.Warning)))
	h.handle("/v1/agent/check/fail/", put(h.checkReport(api.Critical)))
	h.handle("/v1/agent/check/update/", put(h.checkUpdate))

	h.handle("/v1/catalog/register", put(h.catalogRegister))
	h.handle("/v1/catalog/deregister", put(h.catalogDeregister))
	h.handle("/v1/catalog/datacenters", get(h.catalogDatacenters))
	h.handle("/v1/catalog/nodes", get(h.catalogNodes))
	h.handle("/v1/catalog/services", get(h.catalogServices))
	h.handle("/v1/catalog/service/", get(h.catalogService))
	h.handle("/v1/catalog/connect/", get(h.catalogConnect))
	h.handle("/v1/catalog/node/", get(h.catalogNode))
	h.handle("/v1/catalog/node-services/", get(h.catalogNodeServices))

	h.handle("/v1/health/node/", get(h.healthNode))
	h.handle("/v1/health/checks/", get(h.healthChecks))
	h.handle("/v1/health/service/", get(h.healthService))
	h.handle("/v1/health/connect/", get(h.healthConnect))
	h.handle("/v1/health/ingress/", get(h.healthConnect))
	h.handle("/v1/health/state/", get(h.healthState))

	h.handle("/v1/internal/checks", get(h.internalChecks))
	h.handle("/v1/internal/servers", get(h.internalServers))

	h.storeRoutes()

	h.handle("/v1/status/leader", get(h.statusLeader))
	h.handle("/v1/status/peers", get(h.statusPeers))
}
