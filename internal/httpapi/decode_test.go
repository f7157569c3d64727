package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestServiceBodies(t *testing.T) {
	ttl := func(id string) *api.CheckRegistration {
		return &api.CheckRegistration{CheckID: id, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Second), H2PingUseTLS: true}}
	}
	for _, c := range []struct {
		body string
		want api.ServiceRegistration
	}{
		{`{"Name":"web","Port":80,"Tags":["a"]}`, api.ServiceRegistration{Name: "web", Port: 80, Tags: []string{"a"}}},
		{`{"name":"web","id":"w","PORT":80}`, api.ServiceRegistration{Name: "web", ID: "w", Port: 80}},
		{`{"Name":"web","enable_tag_override":true,"socket_path":"/s","tagged_addresses":{"lan":{"Address":"a","Port":1}}}`,
			api.ServiceRegistration{Name: "web", EnableTagOverride: true, SocketPath: "/s", TaggedAddresses: map[string]api.ServiceAddress{"lan": {Address: "a", Port: 1}}}},
		{`{"Name":"web","Check":{"CheckID":"a","TTL":"1s"},"Checks":[{"CheckID":"b","TTL":"1s"},null]}`,
			api.ServiceRegistration{Name: "web", Checks: []*api.CheckRegistration{ttl("a"), ttl("b")}}},
		{`{"Name":"web","Proxy":{"x":1},"Connect":{},"Locality":null,"Namespace":"","Partition":""}`, api.ServiceRegistration{Name: "web"}},
	} {
		got, err := decodeService(bodyRequest(c.body))
		require.NoError(t, err, c.body)
		require.Equal(t, c.want, *got, c.body)
	}
}

func TestCheckSpellings(t *testing.T) {
	for body, want := range map[string]api.CheckRegistration{
		`{"Name":"c","HTTP":"http://x","Interval":"10s","timeout":"1s"}`: {Name: "c", CheckDefinition: api.CheckDefinition{
			HTTP: "http://x", Interval: api.Duration(10 * time.Second), Timeout: api.Duration(time.Second), H2PingUseTLS: true}},
		`{"Name":"c","service_id":"s","deregister_critical_service_after":"1m","tls_skip_verify":true,"H2PingUseTLS":false}`: {Name: "c", ServiceID: "s",
			CheckDefinition: api.CheckDefinition{DeregisterCriticalServiceAfter: api.Duration(time.Minute), TLSSkipVerify: true}},
		`{"Name":"c","ScriptArgs":["a"],"h2ping_use_tls":false}`: {Name: "c", CheckDefinition: api.CheckDefinition{Args: []string{"a"}}},
		`{"Name":"c","script_args":["a","b"]}`:                   {Name: "c", CheckDefinition: api.CheckDefinition{Args: []string{"a", "b"}, H2PingUseTLS: true}},
		`{"Name":"c","docker_container_id":"d","tls_server_name":"n","tcp_use_tls":true,"grpc_use_tls":true,"disable_redirects":true}`: {Name: "c",
			CheckDefinition: api.CheckDefinition{DockerContainerID: "d", TLSServerName: "n", TCPUseTLS: true, GRPCUseTLS: true, DisableRedirects: true, H2PingUseTLS: true}},
	} {
		got, err := decodeCheck(bodyRequest(body))
		require.NoError(t, err, body)
		require.Equal(t, want, *got, body)
	}
}

func TestRegistrationBodies(t *testing.T) {
	reg, err := decodeRegistration(bodyRequest(`{"Node":"n","Address":"a","Service":{"Service":"s","Proxy":{},"CreateIndex":4},
		"Check":{"CheckID":"last"},"Checks":[{"CheckID":"first","PeerName":""}],"CreateIndex":9,"Locality":{}}`))
	require.NoError(t, err)
	require.Equal(t, "n", reg.Node)
	require.Equal(t, "s", reg.Service.Service)
	require.Nil(t, reg.Check)
	require.Len(t, reg.Checks, 2)
	require.Equal(t, "first", reg.Checks[0].CheckID)
}

func TestBodiesThatAreRefused(t *testing.T) {
	service := func(q *request) error { _, err := decodeService(q); return err }
	check := func(q *request) error { _, err := decodeCheck(q); return err }
	registration := func(q *request) error { _, err := decodeRegistration(q); return err }
	for _, c := range []struct {
		read func(*request) error
		body string
		kind api.Kind
		text string
	}{
		{service, ``, api.Invalid, "the body is empty"},
		{service, `{`, api.Invalid, "unexpected EOF"},
		{service, `[]`, api.Invalid, "cannot unmarshal array"},
		{service, `{"Name":"x","Colour":"red"}`, api.Invalid, `unknown field "Colour"`},
		{service, `{"Name":"x","Port":"http"}`, api.Invalid, "Port"},
		{service, `{"Name":"x","Check":{"TTL":"soon"}}`, api.Invalid, "soon"},
		{service, `{"Name":"x","Namespace":"team"}`, api.Invalid, "Enterprise"},
		{service, `{"Name":"x","Check":{"Partition":"p"}}`, api.Invalid, "Enterprise"},
		{service, `{"Name":"` + strings.Repeat("x", bodyMax) + `"}`, api.TooLarge, "the limit is 2097152 bytes"},
		{check, `{"Name":"x","Colour":"red"}`, api.Invalid, `unknown field "Colour"`},
		{check, `{"Name":"x","Namespace":"team"}`, api.Invalid, "Enterprise"},
		{registration, `{"Node":"n","Service":{"Namespace":"team"}}`, api.Invalid, "Enterprise"},
		{registration, `{"Node":"n","Checks":[{"Partition":"p"}]}`, api.Invalid, "Enterprise"},
		{registration, `{"Node":"n","Service":{"Colour":1}}`, api.Invalid, `unknown field "Colour"`},
	} {
		err := c.read(bodyRequest(c.body))
		require.ErrorIs(t, err, c.kind, "%.80s", c.body)
		require.ErrorContains(t, err, c.text)
		require.NotContains(t, err.Error(), "\n")
	}
}

// FuzzRegistrationBody feeds any bytes to the readers of registrations: what
// they take can be written down again.
func FuzzRegistrationBody(f *testing.F) {
	f.Add(`{"Name":"web","Check":{"TTL":"1s"},"Checks":[{"HTTP":"h","Header":{"a":["b"]},"Interval":"1s"}],"Weights":{"Passing":1}}`)
	f.Add(`{"Node":"n","Address":"a","Service":{"Service":"s","TaggedAddresses":{"lan":{"Port":1}}},"Check":{"Definition":{"TCP":"x"}}}`)
	f.Add(`{"Name":"c","script_args":["a"],"H2PingUseTLS":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		keep := func(v any, err error) {
			if err != nil {
				require.NotEqual(t, api.Internal, api.ErrorKind(err))
				return
			}
			_, err = json.Marshal(v)
			require.NoError(t, err)
		}
		s, err := decodeService(bodyRequest(body))
		keep(s, err)
		c, err := decodeCheck(bodyRequest(body))
		keep(c, err)
		r, err := decodeRegistration(bodyRequest(body))
		keep(r, err)
	})
}
