package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// configKinds are the kinds of configuration entries: those that can be kept
// here, with the fields they have and the JSON type of each, and (nil) those of
// the mesh.
func configKinds() map[string]map[string]string {
	common := map[string]string{"Kind": "string", "Name": "string", "Mode": "string", "MutualTLSMode": "string", "TransparentProxy": "object", "MeshGateway": "object",
		"Expose": "object", "EnvoyExtensions": "list", "Meta": "texts", "Hash": "number", "CreateIndex": "number", "ModifyIndex": "number"}
	with := func(more map[string]string) map[string]string {
		for k, v := range common {
			more[k] = v
		}
		return more
	}
	kinds := map[string]map[string]string{
		"service-defaults": with(map[string]string{"Protocol": "string", "ExternalSNI": "string", "UpstreamConfig": "object", "Destination": "object",
			"MaxInboundConnections": "number", "LocalConnectTimeoutMs": "number", "LocalRequestTimeoutMs": "number", "BalanceInboundConnections": "string", "RateLimits": "object"}),
		"proxy-defaults": with(map[string]string{"Config": "object", "AccessLogs": "object", "FailoverPolicy": "object", "PrioritizeByLocality": "object"}),
	}
	for _, k := range strings.Fields("service-router service-splitter service-resolver ingress-gateway terminating-gateway service-intentions mesh exported-services " +
		"sameness-group api-gateway bound-api-gateway inline-certificate http-route tcp-route jwt-provider") {
		kinds[k] = nil
	}
	kinds[api.CheckPolicyKind] = map[string]string{} // our own, see config_policy.go
	return kinds
}

// configPut serves PUT /v1/config.
func (h *Handler) configPut(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	e, err := decodeConfigEntry(q)
	if err != nil {
		return reply{}, err
	}
	if q.has("cas") {
		if e.ModifyIndex, err = q.number("cas"); err != nil {
			return reply{}, err
		}
	}
	ok, err := h.reg.SetConfigEntry(q.Context(), e, q.has("cas"))
	return reply{body: boolBody(ok)}, err
}

// decodeConfigEntry reads an entry: its fields in any spelling, the unknown
// refused.
func decodeConfigEntry(q *request) (*store.ConfigEntry, error) {
	var raw map[string]json.RawMessage
	if err := decodeBody(q, &raw); err != nil {
		return nil, err
	}
	e := &store.ConfigEntry{}
	for k, v := range raw {
		if plainName(k) == "kind" && json.Unmarshal(v, &e.Kind) != nil {
			return nil, api.E(api.Invalid, "Request decode failed: Kind must be text")
		}
	}
	kinds := configKinds()
	fields, known := kinds[e.Kind]
	switch {
	case !known:
		return nil, api.E(api.Invalid, fmt.Sprintf("Request decoding failed: invalid config entry kind: %q", e.Kind))
	case fields == nil:
		return nil, api.E(api.Invalid, "config entries of kind "+e.Kind+" belong to the service mesh, which is not part of this server")
	}
	if e.Kind == api.CheckPolicyKind {
		return decodeCheckPolicy(raw)
	}
	names := map[string]string{}
	for f := range fields {
		names[plainName(f)] = f
	}
	body := map[string]json.RawMessage{}
	for k, v := range raw {
		if n := plainName(k); n == "namespace" || n == "partition" {
			if s := string(bytes.TrimSpace(v)); s != `""` && s != "null" && s != `"default"` {
				return nil, enterprise()
			}
			continue
		}
		name, ok := names[plainName(k)]
		if !ok {
			return nil, api.E(api.Invalid, fmt.Sprintf("Request decoding failed: invalid config key %q", k))
		}
		if !jsonFits(v, fields[name]) {
			return nil, api.E(api.Invalid, fmt.Sprintf("Request decoding failed: %s has the wrong type", name))
		}
		body[name] = v
	}
	// It is text, or null: that was looked at above. None is refused below.
	_ = json.Unmarshal(body["Name"], &e.Name)
	for _, own := range []string{"Kind", "Name", "Hash", "CreateIndex", "ModifyIndex"} {
		delete(body, own)
	}
	switch {
	case e.Name == "":
		return nil, api.E(api.Refused, "Name is required")
	case e.Kind == "proxy-defaults" && e.Name != "global":
		return nil, api.E(api.Refused, `invalid name ("`+e.Name+`"), only "global" is supported`)
	}
	var err error
	e.Body, err = json.Marshal(body)
	return e, api.Wrap(api.Invalid, "Request decoding failed", err)
}

// plainName is a field's name whatever its spelling: snake case or camel case.
func plainName(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// jsonFits reports whether a JSON value is of the type; null always is.
func jsonFits(v json.RawMessage, kind string) bool {
	switch kind {
	case "string":
		return json.Unmarshal(v, new(string)) == nil
	case "number":
		return json.Unmarshal(v, new(float64)) == nil
	case "object":
		return json.Unmarshal(v, new(map[string]any)) == nil
	case "texts":
		return json.Unmarshal(v, new(map[string]string)) == nil
	}
	return json.Unmarshal(v, new([]any)) == nil
}

// showConfigEntry adds to an entry's body what answers have besides.
func showConfigEntry(e *store.ConfigEntry) (map[string]any, error) {
	out := map[string]any{"Expose": map[string]any{}, "MeshGateway": map[string]any{}, "TransparentProxy": map[string]any{}}
	switch e.Kind {
	case "proxy-defaults":
		out["AccessLogs"] = map[string]any{}
	case api.CheckPolicyKind:
		clear(out)
	}
	d := json.NewDecoder(bytes.NewReader(e.Body))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		return nil, api.Wrap(api.Internal, "read a stored config entry", err)
	}
	sum := fnv.New64a()
	sum.Write([]byte(e.Kind + "\x00" + e.Name + "\x00"))
	sum.Write(e.Body)
	out["Kind"], out["Name"], out["Hash"], out["CreateIndex"], out["ModifyIndex"] = e.Kind, e.Name, sum.Sum64(), e.CreateIndex, e.ModifyIndex
	return out, nil
}

// configName splits the path behind /v1/config/.
func configName(q *request) (kind, name string, err error) {
	kind, name, _ = strings.Cut(q.name, "/")
	if _, known := configKinds()[kind]; !known && kind != "" {
		return "", "", api.E(api.Refused, "invalid config entry kind: "+kind)
	}
	return kind, name, nil
}

// configGet serves GET /v1/config/KIND and GET /v1/config/KIND/NAME.
func (h *Handler) configGet(q *request) (reply, error) {
	kind, name, err := configName(q)
	if err != nil {
		return reply{}, err
	}
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		if name == "" {
			return tableLook(st, store.TableConfig, func() (any, error) { return listConfig(st, kind) }), nil
		}
		e := st.ConfigEntry(kind, name)
		l := tableLook(st, store.TableConfig, func() (any, error) { return showConfigEntry(e) })
		if e == nil {
			notFound(&l, fmt.Sprintf("Config entry not found for %q / %q", kind, name))
		}
		return l, nil
	})
}

func listConfig(st *store.State, kind string) (list []map[string]any, err error) {
	list = []map[string]any{}
	st.ConfigEntries(kind, func(e *store.ConfigEntry) bool {
		var m map[string]any
		if m, err = showConfigEntry(e); err == nil {
			list = append(list, m)
		}
		return err == nil
	})
	return list, err
}

// configDelete serves DELETE /v1/config/KIND/NAME.
func (h *Handler) configDelete(q *request) (reply, error) {
	kind, name, err := configName(q)
	if err != nil {
		return reply{}, err
	}
	if name == "" {
		return reply{}, api.E(api.NotFound, "Must provide both a kind and name to delete")
	}
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	e := &store.ConfigEntry{Kind: kind, Name: name}
	if !q.has("cas") {
		_, err := h.reg.DeleteConfigEntry(q.Context(), e, false)
		return reply{body: encode([]byte("{}"))}, err
	}
	if e.ModifyIndex, err = q.number("cas"); err != nil {
		return reply{}, err
	}
	ok, err := h.reg.DeleteConfigEntry(q.Context(), e, true)
	return reply{body: boolBody(ok)}, err
}
