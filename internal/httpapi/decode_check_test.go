package httpapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// A probe beside the check's own fields means the same as one in a Definition.
func TestProbesOfRegistrations(t *testing.T) {
	const s = api.Duration(time.Second)
	for _, c := range []struct {
		body string
		want api.Check
	}{
		{`"HTTP":"http://x","Interval":"1s","Timeout":"2s","Method":"HEAD","Header":{"a":["b"]}`, api.Check{Definition: &api.CheckDefinition{
			HTTP: "http://x", Interval: s, Timeout: 2 * s, Method: "HEAD", Header: map[string][]string{"a": {"b"}}}}},
		{`"TTL":"1s","deregister_critical_service_after":"1m"`, api.Check{Definition: &api.CheckDefinition{TTL: s, DeregisterCriticalServiceAfter: 60 * s}}},
		{`"tcp":"x:1","interval":1000000000,"Observers":3`, api.Check{Definition: &api.CheckDefinition{TCP: "x:1", Interval: s, Observers: 3}}},
		{`"UDP":"x:1","Interval":"1s"`, api.Check{Definition: &api.CheckDefinition{UDP: "x:1", Interval: s}}},
		{`"GRPC":"x:1","grpc_use_tls":true,"Interval":"1s","Definition":{}`, api.Check{Definition: &api.CheckDefinition{GRPC: "x:1", GRPCUseTLS: true, Interval: s}}},
		{`"H2PING":"x:1","Interval":"1s"`, api.Check{Definition: &api.CheckDefinition{H2PING: "x:1", H2PingUseTLS: true, Interval: s}}},
		{`"H2PING":"x:1","H2PingUseTLS":false,"Interval":"1s"`, api.Check{Definition: &api.CheckDefinition{H2PING: "x:1", Interval: s}}},
		{`"HTTP":"","TTL":"","Args":[],"Header":{},"Definition":{"TCP":"x:1","Interval":"1s"}`, api.Check{Definition: &api.CheckDefinition{TCP: "x:1", Interval: s}}},
		{`"Interval":"10s","Timeout":"1s"`, api.Check{Interval: "10s", Timeout: "1s"}},
		{`"Interval":"10s","Timeout":null,"Definition":{"TTL":"1s"}`, api.Check{Interval: "10s", Definition: &api.CheckDefinition{TTL: s}}},
		{`"service_id":"s"`, api.Check{ServiceID: "s"}},
	} {
		c.want.CheckID = "c"
		for _, form := range []string{`{"Node":"n","Check":{"CheckID":"c",` + c.body + `}}`, `{"Node":"n","Checks":[{"CheckID":"c",` + c.body + `}]}`} {
			reg, err := decodeRegistration(bodyRequest(form))
			require.NoError(t, err, form)
			require.Equal(t, []*api.Check{&c.want}, reg.Checks, form)
		}
	}
	for body, want := range map[string]string{
		`"HTTP":"http://x","Interval":"1s","Definition":{"HTTP":"http://x","Interval":"1s"}`: `Invalid check "c": its probe is given both within Definition and beside it: give one of them`,
		`"Method":"GET","Definition":{"TTL":"1s"}`:                                           `Invalid check "c": its probe is given both within Definition and beside it: give one of them`,
		`"TTL":"soon"`:                     `Request decode failed: invalid duration "soon": use a number with a unit such as 10s`,
		`"TCP":"x:1","Interval":"soon"`:    `Request decode failed: Interval: invalid duration "soon": use a number with a unit such as 10s`,
		`"Interval":5`:                     `Request decode failed: Interval must be text, not a number`,
		`"HTTP":5`:                         `Request decode failed: Check.HTTP must be text, not a number`,
		`"Colour":5`:                       `Request decode failed: unknown field "Colour"`,
		`"Definition":{"TTL":"1s","X":""}`: `Request decode failed: unknown field "X"`,
	} {
		_, err := decodeRegistration(bodyRequest(`{"Node":"n","Check":{"CheckID":"c",` + body + `}}`))
		require.ErrorIs(t, err, api.Invalid, body)
		require.EqualError(t, err, want, body)
	}
}

// A check in the agent's form is run, and one that cannot be is refused at once.
func TestRegistrationInTheAgentsForm(t *testing.T) {
	d := open(t, Config{})
	res := d.do("PUT", "/v1/catalog/register", `{"Node":"n","Address":"10.0.0.1","Check":{"CheckID":"c","TCP":"x:1","Interval":"1s"}}`)
	require.Equal(t, 200, res.Code, res.Body.String())
	v, _ := d.reg.State().Node("n")
	require.Equal(t, 1, v.Probes)
	require.Equal(t, "tcp", v.Check("c").Type)
	res = d.do("PUT", "/v1/catalog/register", `{"Node":"n","Address":"10.0.0.1","Check":{"CheckID":"d","TCP":"x:1"}}`)
	require.Equal(t, 400, res.Code)
	require.Contains(t, res.Body.String(), `Invalid check "d": Interval must be > 0 for tcp checks`)
}
