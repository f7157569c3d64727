package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// The catalog's JSON is appended by hand: it is nearly all that the server
// ever sends, and its form is fixed by Consul's API. Absent and empty lists
// and maps are told apart there (null, [] and {}), and so they are here.

func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			q, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...)
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendField appends a text field; name comes with its punctuation.
func appendField(b []byte, name, value string) []byte {
	return appendString(append(b, name...), value)
}

func appendUint(b []byte, name string, v uint64) []byte {
	return strconv.AppendUint(append(b, name...), v, 10)
}

func appendInt(b []byte, name string, v int) []byte {
	return strconv.AppendInt(append(b, name...), int64(v), 10)
}

func appendBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(append(b, name...), v)
}

func appendMap(b []byte, m map[string]string) []byte {
	if m == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		b = appendString(b, m[k])
	}
	return append(b, '}')
}

// appendTags writes an absent list as an empty one, as Consul does.
func appendTags(b []byte, l []string) []byte {
	b = append(b, '[')
	for i, s := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendAddresses(b []byte, m map[string]api.ServiceAddress) []byte {
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		b = appendField(b, `{"Address":`, m[k].Address)
		b = append(appendInt(b, `,"Port":`, m[k].Port), '}')
	}
	return append(b, '}')
}

func appendNode(b []byte, n *api.Node) []byte {
	b = appendField(b, `{"ID":`, n.ID)
	b = appendField(b, `,"Node":`, n.Node)
	b = appendField(b, `,"Address":`, n.Address)
	b = appendField(b, `,"Datacenter":`, n.Datacenter)
	b = appendMap(append(b, `,"TaggedAddresses":`...), n.TaggedAddresses)
	b = appendMap(append(b, `,"Meta":`...), n.Meta)
	b = appendUint(b, `,"CreateIndex":`, n.CreateIndex)
	return append(appendUint(b, `,"ModifyIndex":`, n.ModifyIndex), '}')
}

func weights(s *api.Service) api.Weights {
	if s.Weights == nil {
		return api.Weights{Passing: 1, Warning: 1}
	}
	return *s.Weights
}

func appendWeights(b []byte, s *api.Service) []byte {
	w := weights(s)
	b = appendInt(b, `{"Passing":`, w.Passing)
	return append(appendInt(b, `,"Warning":`, w.Warning), '}')
}

func appendLocality(b []byte, l *api.Locality) []byte {
	b = appendField(b, `{"Region":`, l.Region)
	return append(appendField(b, `,"Zone":`, l.Zone), '}')
}

// noMesh are the fields of Consul's mesh, always in their empty form.
const noMesh = `,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"PeerName":""`

// appendService writes an instance as the catalog shows it.
func appendService(b []byte, s *api.Service) []byte {
	b = append(b, '{')
	if s.Kind != "" {
		b = append(appendField(b, `"Kind":`, s.Kind), ',')
	}
	b = appendField(b, `"ID":`, s.ID)
	b = appendField(b, `,"Service":`, s.Service)
	b = appendTags(append(b, `,"Tags":`...), s.Tags)
	b = appendField(b, `,"Address":`, s.Address)
	if len(s.TaggedAddresses) > 0 {
		b = appendAddresses(append(b, `,"TaggedAddresses":`...), s.TaggedAddresses)
	}
	b = appendMap(append(b, `,"Meta":`...), s.Meta)
	b = appendInt(b, `,"Port":`, s.Port)
	if s.SocketPath != "" {
		b = appendField(b, `,"SocketPath":`, s.SocketPath)
	}
	b = appendWeights(append(b, `,"Weights":`...), s)
	b = appendBool(b, `,"EnableTagOverride":`, s.EnableTagOverride)
	b = append(b, noMesh...)
	if s.Locality != nil {
		b = appendLocality(append(b, `,"Locality":`...), s.Locality)
	}
	b = appendUint(b, `,"CreateIndex":`, s.CreateIndex)
	return append(appendUint(b, `,"ModifyIndex":`, s.ModifyIndex), '}')
}

func appendCheck(b []byte, c *api.Check) []byte {
	b = appendField(b, `{"Node":`, c.Node)
	b = appendField(b, `,"CheckID":`, c.CheckID)
	b = appendField(b, `,"Name":`, c.Name)
	b = appendField(b, `,"Status":`, c.Status)
	b = appendField(b, `,"Notes":`, c.Notes)
	b = appendField(b, `,"Output":`, c.Output)
	b = appendField(b, `,"ServiceID":`, c.ServiceID)
	b = appendField(b, `,"ServiceName":`, c.ServiceName)
	b = appendTags(append(b, `,"ServiceTags":`...), c.ServiceTags)
	b = appendField(b, `,"Type":`, c.Type)
	b = appendField(b, `,"Interval":`, c.Interval)
	b = appendField(b, `,"Timeout":`, c.Timeout)
	b = appendInt(b, `,"ExposedPort":`, c.ExposedPort)
	b = appendDefinition(append(b, `,"Definition":`...), c.Definition)
	b = appendUint(b, `,"CreateIndex":`, c.CreateIndex)
	return append(appendUint(b, `,"ModifyIndex":`, c.ModifyIndex), '}')
}

func appendDefinition(b []byte, d *api.CheckDefinition) []byte {
	if d == nil {
		return append(b, "{}"...)
	}
	j, err := json.Marshal(d)
	if err != nil {
		return append(b, "{}"...)
	}
	return append(b, j...)
}

func appendChecks(b []byte, lists ...[]*api.Check) []byte {
	b = append(b, '[')
	n := 0
	for _, l := range lists {
		for _, c := range l {
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = appendCheck(b, c)
		}
	}
	return append(b, ']')
}

// encodeEntry is an instance as /v1/health/service lists it.
func encodeEntry(i *store.Instance) []byte {
	b := make([]byte, 0, 1024)
	b = appendNode(append(b, `{"Node":`...), i.Node)
	b = appendService(append(b, `,"Service":`...), i.Service)
	b = appendChecks(append(b, `,"Checks":`...), i.NodeChecks, i.OwnChecks)
	return slices.Clip(append(b, '}'))
}

// appendList joins the encodings of items to a JSON list.
func appendList[T any](b []byte, items []T, add func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = add(b, v)
	}
	return append(b, ']')
}

// appendCatalogService writes an instance as /v1/catalog/service lists it.
func appendCatalogService(b []byte, i *store.Instance) []byte {
	n, s := i.Node, i.Service
	b = appendField(b, `{"ID":`, n.ID)
	b = appendField(b, `,"Node":`, n.Node)
	b = appendField(b, `,"Address":`, n.Address)
	b = appendField(b, `,"Datacenter":`, n.Datacenter)
	b = appendMap(append(b, `,"TaggedAddresses":`...), n.TaggedAddresses)
	b = appendMap(append(b, `,"NodeMeta":`...), n.Meta)
	b = appendField(b, `,"ServiceKind":`, s.Kind)
	b = appendField(b, `,"ServiceID":`, s.ID)
	b = appendField(b, `,"ServiceName":`, s.Service)
	b = appendTags(append(b, `,"ServiceTags":`...), s.Tags)
	b = appendField(b, `,"ServiceAddress":`, s.Address)
	if len(s.TaggedAddresses) > 0 {
		b = appendAddresses(append(b, `,"ServiceTaggedAddresses":`...), s.TaggedAddresses)
	}
	b = appendWeights(append(b, `,"ServiceWeights":`...), s)
	meta := s.Meta
	if meta == nil {
		meta = map[string]string{}
	}
	b = appendMap(append(b, `,"ServiceMeta":`...), meta)
	b = appendInt(b, `,"ServicePort":`, s.Port)
	b = appendField(b, `,"ServiceSocketPath":`, s.SocketPath)
	b = appendBool(b, `,"ServiceEnableTagOverride":`, s.EnableTagOverride)
	b = append(b, `,"ServiceProxy":{"Mode":"","MeshGateway":{},"Expose":{}},"ServiceConnect":{},"ServiceLocality":`...)
	if s.Locality != nil {
		b = appendLocality(b, s.Locality)
	} else {
		b = append(b, "null"...)
	}
	b = appendUint(b, `,"CreateIndex":`, s.CreateIndex)
	return append(appendUint(b, `,"ModifyIndex":`, s.ModifyIndex), '}')
}
