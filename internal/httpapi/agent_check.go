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
		return reply{}, h.reg.Heartbeat(q.Context(), q.get("node"), q.name, status, q.get("note"))
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
	return reply{}, h.reg.Heartbeat(q.Context(), q.get("node"), q.name, in.Status, in.Output)
}

// agentChecks serves /v1/agent/checks.
func (h *Handler) agentChecks(q *request) (reply, error) {
	f, err := filterFor(q, nil)
	if err != nil {
		return reply{}, err
	}
	nodes, err := h.agentScope(q)
	if err != nil {
		return reply{}, err
	}
	var list []*api.Check
	for _, v := range nodes {
		for _, c := range v.Checks {
			if c.CheckID != api.SerfHealth {
				list = append(list, h.latest(c))
			}
		}
	}
	list, err = keep(f, list, checkFilter)
	b := []byte{'{'}
	taken := newKeys(len(nodes) > 1)
	for n, c := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendLocalCheck(append(appendString(b, taken.of(c.Node, c.CheckID)), ':'), c)
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

// appendLocalCheck writes a check as /v1/agent/checks shows it: without
// indexes.
func appendLocalCheck(b []byte, c *api.Check) []byte {
	k := *c
	k.CreateIndex, k.ModifyIndex = 0, 0
	return appendCheck(b, &k)
}

// noDefinition is the definition of a check as /v1/agent/health shows it: the
// agent's own is not told there, yet every field is listed.
const noDefinition = `{"HTTP":"","Header":null,"Method":"","Body":"","TLSServerName":"","TLSSkipVerify":false,"TCP":"","TCPUseTLS":false,"UDP":"","GRPC":"","OSService":"","GRPCUseTLS":false,"Interval":"0s","Timeout":"0s","DeregisterCriticalServiceAfter":"0s"}`

// appendHealthCheck writes a check as /v1/agent/health shows it.
func appendHealthCheck(b []byte, c *api.Check) []byte {
	b = appendField(b, `{"Node":`, c.Node)
	b = appendField(b, `,"CheckID":`, c.CheckID)
	b = appendField(b, `,"Name":`, c.Name)
	b = appendField(b, `,"Status":`, c.Status)
	b = appendField(b, `,"Notes":`, c.Notes)
	b = appendField(b, `,"Output":`, c.Output)
	b = appendField(b, `,"ServiceID":`, c.ServiceID)
	b = appendField(b, `,"ServiceName":`, c.ServiceName)
	if b = append(b, `,"ServiceTags":`...); len(c.ServiceTags) == 0 {
		b = append(b, "null"...)
	} else {
		b = appendTags(b, c.ServiceTags)
	}
	return append(b, `,"Type":"","ExposedPort":0,"Definition":`+noDefinition+`,"CreateIndex":0,"ModifyIndex":0}`...)
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
	h.reg.Blocked(1)
	return t.C, func() { t.Stop(); h.reg.Blocked(-1) }
}
