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
		{`{"Name":"web","Check":{},"Checks":[]}`, api.ServiceRegistration{Name: "web"}},
		{`{"Name":"web","Check":{"Name":"","TTL":"","Interval":"0s","Header":null}}`, api.ServiceRegistration{Name: "web"}},
		{`{"Name":"web","Check":{"Name":"c"}}`, api.ServiceRegistration{Name: "web",
			Checks: []*api.CheckRegistration{{Name: "c", CheckDefinition: api.CheckDefinition{H2PingUseTLS: true}}}}},
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
		{service, `[]`, api.Invalid, "Request decode failed: the body must be an object, not a list"},
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

// What does not fit is told in the client's words, not in this program's.
func TestMisfitsInPlainWords(t *testing.T) {
	service := func(q *request) error { _, err := decodeService(q); return err }
	registration := func(q *request) error { _, err := decodeRegistration(q); return err }
	policy := func(q *request) error { _, err := decodeConfigEntry(q); return err }
	txn := func(q *request) error { _, err := readTxn(q, 1000); return err }
	for _, c := range []struct {
		read func(*request) error
		body string
		want string
	}{
		{service, `[]`, `the body must be an object, not a list`},
		{service, `"web"`, `the body must be an object, not text`},
		{service, `true`, `the body must be an object, not true or false`},
		{service, `{"Name":`, `unexpected EOF`},
		{service, `{"Colour":1}`, `unknown field "Colour"`},
		{service, `{"Name":1}`, `Name must be text, not a number`},
		{service, `{"Port":"80"}`, `Port must be a whole number, not text`},
		{service, `{"Port":1.5}`, `Port must be a whole number, not 1.5`},
		{service, `{"Port":99999999999999999999}`, `Port cannot be 99999999999999999999`},
		{service, `{"Tags":"a"}`, `Tags must be a list, not text`},
		{service, `{"Tags":[1]}`, `an entry of Tags must be text, not a number`},
		{service, `{"Meta":{"a":1}}`, `an entry of Meta must be text, not a number`},
		{service, `{"Meta":[]}`, `Meta must be an object, not a list`},
		{service, `{"enable_tag_override":"yes"}`, `enable_tag_override must be true or false, not text`},
		{service, `{"Weights":{"Passing":{}}}`, `Weights.Passing must be a whole number, not an object`},
		{service, `{"Checks":{}}`, `Checks must be a list, not an object`},
		{service, `{"Checks":[5]}`, `an entry of Checks must be an object, not a number`},
		{service, `{"Check":{"HTTP":5}}`, `Check.HTTP must be text, not a number`},
		{service, `{"Checks":[{"tcp_use_tls":5}]}`, `Checks.tcp_use_tls must be true or false, not a number`},
		{service, `{"Check":{"TTL":"soon"}}`, `invalid duration "soon": use a number with a unit such as 10s`},
		{registration, `{"Service":{"Port":"80"}}`, `Service.Port must be a whole number, not text`},
		{registration, `{"NodeMeta":5}`, `NodeMeta must be an object, not a number`},
		{txn, `{}`, `the body must be a list, not an object`},
		{txn, `[5]`, `an entry of the body must be an object, not a number`},
		{txn, `[{"KV":{"Value":5}}]`, `KV.Value must be text in base64, not a number`},
		{policy, `[]`, `the body must be an object, not a list`},
	} {
		require.EqualError(t, c.read(bodyRequest(c.body)), "Request decode failed: "+c.want, c.body)
	}
	d := open(t, Config{})
	for _, path := range []string{"/v1/agent/service/register", "/v1/agent/check/register", "/v1/agent/check/update/c", "/v1/catalog/register", "/v1/catalog/deregister",
		"/v1/coordinate/update", "/v1/config", "/v1/session/create", "/v1/operator/autopilot/configuration", "/v1/query/11111111-2222-3333-4444-555555555555"} {
		res := d.do("PUT", path, `[]`)
		require.Equal(t, 400, res.Code, path)
		require.Equal(t, "Request decode failed: the body must be an object, not a list", strings.TrimSpace(res.Body.String()), path)
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
