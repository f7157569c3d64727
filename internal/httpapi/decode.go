package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"github.com/registryd/registryd/pkg/api"
)

// bodyMax bounds the body of a request that is read as JSON, in bytes. The
// largest useful ones, transactions and prepared queries, stay far below.
const bodyMax = 2 << 20

// enterpriseFields are fields of bodies that only Consul Enterprise takes.
type enterpriseFields struct {
	Namespace string `json:",omitempty"`
	Partition string `json:",omitempty"`
}

func (e enterpriseFields) refuse() error {
	if e.Namespace != "" || e.Partition != "" {
		return enterprise()
	}
	return nil
}

// decodeBody reads the first JSON value of the body into v: fields in any
// case, unknown ones refused.
func decodeBody(q *request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(q.w, q.Body, bodyMax))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bodyError(err, v)
	}
	if e, ok := v.(interface{ refuse() error }); ok {
		return e.refuse()
	}
	return nil
}

// bodyError is what a client is told whose body could not be read into v.
func bodyError(err error, v any) error {
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return api.E(api.TooLarge, "Request body is too large: the limit is "+strconv.FormatInt(big.Limit, 10)+" bytes")
	case errors.Is(err, io.EOF):
		return api.E(api.Invalid, "Request decode failed: the body is empty")
	}
	return api.E(api.Invalid, "Request decode failed: "+unreadable(err, v, ""))
}

// raftIndex are fields that answers have; sent back in a body they are read
// over.
type raftIndex struct {
	CreateIndex uint64 `json:",omitempty"`
	ModifyIndex uint64 `json:",omitempty"`
}

// meshFields are fields of services that only the mesh uses; they are read
// over.
type meshFields struct {
	Proxy    json.RawMessage `json:",omitempty"`
	Connect  json.RawMessage `json:",omitempty"`
	PeerName string          `json:",omitempty"`
}

// wireService is a service instance in the body of a catalog registration.
type wireService struct {
	api.Service
	meshFields
	enterpriseFields
}

// wireCheck is a check in a transaction.
type wireCheck struct {
	api.Check
	PeerName string
	enterpriseFields
}

// decodeRegistration reads the body of /v1/catalog/register.
func decodeRegistration(q *request) (*api.CatalogRegistration, error) {
	var in struct {
		api.CatalogRegistration
		Service *wireService
		Check   *registeredCheck
		Checks  []*registeredCheck
		raftIndex
		enterpriseFields
		PeerName string
		Locality json.RawMessage
	}
	if err := decodeBody(q, &in); err != nil {
		return nil, err
	}
	reg := &in.CatalogRegistration
	if in.Service != nil {
		if err := in.Service.refuse(); err != nil {
			return nil, err
		}
		reg.Service = &in.Service.Service
	}
	for _, c := range append(in.Checks, in.Check) {
		if c == nil {
			continue
		}
		k, err := c.check()
		if err != nil {
			return nil, err
		}
		reg.Checks = append(reg.Checks, k)
	}
	return reg, nil
}

// snakeCheck has the snake-case spellings that Consul takes in checks.
type snakeCheck struct {
	ServiceID        *string       `json:"service_id"`
	DeregisterAfter  *api.Duration `json:"deregister_critical_service_after"`
	DockerContainer  *string       `json:"docker_container_id"`
	TLSServerName    *string       `json:"tls_server_name"`
	TLSSkipVerify    *bool         `json:"tls_skip_verify"`
	TCPUseTLS        *bool         `json:"tcp_use_tls"`
	GRPCUseTLS       *bool         `json:"grpc_use_tls"`
	H2PingUseTLS     *bool         `json:"h2ping_use_tls"`
	ScriptArgs       []string      `json:"ScriptArgs"`
	SnakeArgs        []string      `json:"script_args"`
	DisableRedirects *bool         `json:"disable_redirects"`
}

// into puts what of a probe was spelled so into its definition.
func (s *snakeCheck) into(d *api.CheckDefinition) {
	set(&d.DeregisterCriticalServiceAfter, s.DeregisterAfter)
	set(&d.DockerContainerID, s.DockerContainer)
	set(&d.TLSServerName, s.TLSServerName)
	set(&d.TLSSkipVerify, s.TLSSkipVerify)
	set(&d.TCPUseTLS, s.TCPUseTLS)
	set(&d.GRPCUseTLS, s.GRPCUseTLS)
	set(&d.DisableRedirects, s.DisableRedirects)
	set(&d.H2PingUseTLS, s.H2PingUseTLS)
	if len(s.ScriptArgs) > 0 {
		d.Args = s.ScriptArgs
	}
	if len(s.SnakeArgs) > 0 {
		d.Args = s.SnakeArgs
	}
}

// agentCheck is a check in the body of an agent registration.
type agentCheck struct {
	api.CheckRegistration
	H2PingUseTLS   *bool `json:"H2PingUseTLS"`
	snakeCheck           // shadows nothing: its names have underscores
	ProxyHTTP      string
	ProxyGRPC      string
	EnterpriseMeta json.RawMessage
	enterpriseFields
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// registration returns what the fields, however spelled, say.
func (c *agentCheck) registration() (*api.CheckRegistration, error) {
	if err := c.refuse(); err != nil {
		return nil, err
	}
	r := &c.CheckRegistration
	set(&r.ServiceID, c.snakeCheck.ServiceID)
	// Unlike the others this one is on unless switched off.
	r.H2PingUseTLS = true
	set(&r.H2PingUseTLS, c.H2PingUseTLS)
	c.snakeCheck.into(&r.CheckDefinition)
	return r, nil
}

// decodeService reads the body of /v1/agent/service/register.
func decodeService(q *request) (*api.ServiceRegistration, error) {
	var in struct {
		api.ServiceRegistration
		Check          *agentCheck
		Checks         []*agentCheck
		SnakeOverride  *bool                         `json:"enable_tag_override"`
		SnakeAddresses map[string]api.ServiceAddress `json:"tagged_addresses"`
		SnakeSocket    *string                       `json:"socket_path"`
		EnterpriseMeta json.RawMessage
		meshFields
		enterpriseFields
	}
	if err := decodeBody(q, &in); err != nil {
		return nil, err
	}
	r := &in.ServiceRegistration
	set(&r.EnableTagOverride, in.SnakeOverride)
	set(&r.SocketPath, in.SnakeSocket)
	if in.SnakeAddresses != nil {
		r.TaggedAddresses = in.SnakeAddresses
	}
	if in.Check != nil && reflect.ValueOf(*in.Check).IsZero() {
		in.Check = nil // clients that fill in a template send an empty one; Consul takes none from it
	}
	for _, c := range append([]*agentCheck{in.Check}, in.Checks...) {
		if c == nil {
			continue
		}
		k, err := c.registration()
		if err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, k)
	}
	return r, nil
}

// decodeCheck reads the body of /v1/agent/check/register.
func decodeCheck(q *request) (*api.CheckRegistration, error) {
	var in agentCheck
	if err := decodeBody(q, &in); err != nil {
		return nil, err
	}
	return in.registration()
}
