package httpapi

// storeRoutes is the list of the endpoints beyond catalog, health and agent.
func (h *Handler) storeRoutes() {
	h.handle("/v1/kv/", get(h.kvGet), put(h.kvPut), del(h.kvDelete))
	h.handle("/v1/txn", put(h.txn))

	h.handle("/v1/session/create", put(h.sessionCreate))
	h.handle("/v1/session/destroy/", put(h.sessionDestroy))
	h.handle("/v1/session/renew/", put(h.sessionRenew))
	h.handle("/v1/session/info/", get(h.sessionInfo))
	h.handle("/v1/session/node/", get(h.sessionNode))
	h.handle("/v1/session/list", get(h.sessionList))

	h.handle("/v1/event/fire/", put(h.eventFire))
	h.handle("/v1/event/list", get(h.eventList))

	h.mux.HandleFunc(queryPrefix+"*", h.queryPath)
	h.handle("/v1/query", get(h.queryList), post(h.queryCreate))

	h.handle("/v1/coordinate/datacenters", get(h.coordinateDatacenters))
	h.handle("/v1/coordinate/nodes", get(h.coordinateNodes))
	h.handle("/v1/coordinate/node/", get(h.coordinateNode))
	h.handle("/v1/coordinate/update", put(h.coordinateUpdate))

	h.handle("/v1/operator/raft/configuration", get(h.raftConfiguration))
	h.handle("/v1/operator/raft/peer", del(h.raftPeer))
	h.handle("/v1/operator/raft/transfer-leader", post(h.raftTransfer))
	h.handle("/v1/operator/autopilot/configuration", get(h.autopilotGet), put(h.autopilotPut))
	h.handle("/v1/operator/autopilot/health", get(h.autopilotHealth))
	h.handle("/v1/operator/autopilot/state", get(h.autopilotState))
	h.handle("/v1/operator/usage", get(h.operatorUsage))
	h.handle("/v1/operator/keyring", get(h.keyring), post(h.keyring), put(h.keyring), del(h.keyring))

	h.handle("/v1/history", get(h.historyAll))
	h.handle("/v1/history/service/", get(h.historyService))
	h.handle("/v1/history/node/", get(h.historyNode))

	h.handle("/v1/snapshot", get(h.snapshotSave), put(h.snapshotRestore))

	h.handle("/v1/config/", get(h.configGet), del(h.configDelete))
	h.handle("/v1/config", put(h.configPut))

	h.handle("/v1/connect/ca/roots", get(h.caRoots))
	h.handle("/v1/agent/connect/ca/roots", get(h.caRoots))
	h.handle("/v1/agent/connect/ca/leaf/", get(h.caLeaf))

	h.meshRoutes()
}

// meshRoutes are endpoints of what this server does not have.
func (h *Handler) meshRoutes() {
	all := func(e endpoint) []method { return []method{get(e), put(e), post(e), del(e)} }
	h.handle("/v1/acl/", all(h.aclDisabled)...)

	mesh := h.noFeature("the service mesh")
	h.handle("/v1/connect/ca/configuration", get(mesh), put(mesh))
	h.handle("/v1/agent/connect/authorize", post(mesh))
	h.handle("/v1/connect/intentions/", get(mesh), put(mesh), del(mesh))
	h.handle("/v1/connect/intentions", get(h.emptyList), post(mesh))
	h.handle("/v1/connect/intentions/match", get(h.intentionMatch))
	h.handle("/v1/connect/intentions/check", get(h.intentionCheck))
	h.handle("/v1/connect/intentions/exact", get(mesh), put(mesh), del(mesh))
	h.handle("/v1/discovery-chain/", get(mesh), post(mesh))
	h.handle("/v1/catalog/gateway-services/", get(h.emptyList))
	h.handle("/v1/internal/federation-states", get(h.emptyList))
	h.handle("/v1/internal/service-virtual-ip", put(mesh))

	peering := h.noFeature("cluster peering")
	h.handle("/v1/peerings", get(h.emptyList))
	h.handle("/v1/peering/", get(peering), del(peering))
	h.handle("/v1/peering/token", post(peering))
	h.handle("/v1/peering/establish", post(peering))
}
