package httpapi

import (
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// checkRegister serves PUT /v1/agent/check/register.
func (h *Handler) checkRegister(q *request) (reply, error) {
	reg, err := decodeCheck(q)
	if err != nil {
		return reply{}, err
	}
	return reply{}, h.reg.RegisterCheck(q.Context(), reg)
}

// checkDeregister serves PUT /v1/agent/check/deregister/ID.
func (h *Handler) checkDeregister(q *request) (reply, error) {
	return reply{}, h.reg.DeregisterCheck(q.Context(), q.name)
}

// checkReport serves PUT /v1/agent/check/pass/ID and its like.
func (h *Handler) checkReport(status string) endpoint {
	return func(q *request) (reply, error) {
		return reply{}, h.reg.Heartbeat(q.Context(), q.name, status, q.get("note"))
	}
}

// checkUpdate serves PUT /v1/agent/check/update/ID.
func (h *Handler) checkUpdate(q *request) (reply, error) {
	var in struct{ Status, Output string }
	if err := decodeBody(q, &in); err != nil {
		return reply{}, err
	}
	switch in.Status {
	case api.Passing, api.Warning, api.Critical:
	default:
		return reply{}, api.E(api.Invalid, "Invalid check status: '"+in.Status+"'")
	}
	return reply{}, h.reg.Heartbeat(q.Context(), q.name, in.Status, in.Output)
}

// agentChecks serves /v1/agent/checks.
func (h *Handler) agentChecks(q *request) (reply, error) {
	f, err := filterFor(q, nil)
	if err != nil {
		return reply{}, err
	}
	v := h.reg.OwnNode(h.reg.State())
	if v == nil {
		return reply{body: encode([]byte("{}"))}, nil
	}
	var list []*api.Check
	for _, c := range v.Checks {
		if c.CheckID != api.SerfHealth {
			list = append(list, h.latest(c))
		}
	}
	list, err = keep(f, list, func(c *api.Check) any { return c })
	b := []byte{'{'}
	for n, c := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendLocalCheck(append(appendString(b, c.CheckID), ':'), c, false)
	}
	return reply{body: encode(append(b, '}'))}, err
}

// latest returns the check with the output its runner saw last.
func (h *Handler) latest(c *api.Check) *api.Check {
	status, output := h.reg.LatestOutput(c)
	k := *c
	k.Status, k.Output = status, output
	return &k
}

// appendLocalCheck writes a check as the agent's endpoints show it: without
// indexes and, where full is set, with every field of its definition.
func appendLocalCheck(b []byte, c *api.Check, full bool) []byte {
	k := *c
	k.CreateIndex, k.ModifyIndex = 0, 0
	return appendCheck(b, &k)
}

// waitTimer returns a channel that tells when a ?hash request's time is up,
// nil if it does not wait, and what releases it.
func (h *Handler) waitTimer(q *request) (<-chan time.Time, func()) {
	if q.hash == "" {
		return nil, func() {}
	}
	d := q.wait
	if d <= 0 {
		d = h.cfg.DefaultWait
	}
	t := time.NewTimer(min(d, h.cfg.MaxWait))
	return t.C, func() { t.Stop() }
}
