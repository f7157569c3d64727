package httpapi

import (
	"net/http"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// clusterScope reads ?scope, which says whether an answer is about the server
// that is asked or about all; unset is what holds without it.
func (q *request) clusterScope(unset bool) (bool, error) {
	switch s := q.get("scope"); s {
	case "":
		return unset, nil
	case "cluster":
		return true, nil
	case "server":
		return false, nil
	default:
		return false, api.E(api.Invalid, "Invalid scope: it is server or cluster, not "+s)
	}
}

// filterRun is what filters on /v1/internal/checks see.
type filterRun struct {
	Node, CheckID, Name, ServiceID, ServiceName, Type, Target, Status, Output, Owner, State string
	Answered                                                                                bool
	Runs                                                                                    uint32
}

func runFilter(c *api.CheckRun) any {
	return filterRun{c.Node, c.CheckID, c.Name, c.ServiceID, c.ServiceName, c.Type, c.Target, c.Status, c.Output, c.Owner, c.State, c.Answered, c.Runs}
}

// internalChecks serves /v1/internal/checks: who runs what, and when it last
// ran.
func (h *Handler) internalChecks(q *request) (reply, error) {
	cluster, err := q.clusterScope(true)
	if err != nil {
		return reply{}, err
	}
	f, err := filterFor(q, filterRun{})
	if err != nil {
		return reply{}, err
	}
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	st, err := h.fresh(q)
	if err != nil {
		return reply{}, err
	}
	list, silent := h.reg.CheckRuns(q.Context(), st, api.CheckRuns{Node: q.get("node"), Service: q.get("service"), Local: !cluster})
	if list, err = keep(f, list, runFilter); err != nil {
		return reply{}, err
	}
	if list == nil {
		list = []*api.CheckRun{}
	}
	r, err := jsonReply(list)
	if len(silent) > 0 {
		r.header = http.Header{api.SilentHeader: {strings.Join(silent, ",")}}
	}
	return r, err
}

// internalServers serves /v1/internal/servers: how busy they are.
func (h *Handler) internalServers(q *request) (reply, error) {
	cluster, err := q.clusterScope(true)
	if err != nil {
		return reply{}, err
	}
	if !cluster {
		return jsonReply([]*api.ServerFigures{h.reg.Figures()})
	}
	return jsonReply(h.reg.ServerFigures(q.Context()))
}
