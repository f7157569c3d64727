package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/registryd/registryd/pkg/api"
)

// registeredCheck is a check in the body of /v1/catalog/register. How it is
// probed is within Definition or, as in the bodies of the agent's endpoints, in
// fields of the check itself.
type registeredCheck struct {
	api.Check
	api.CheckDefinition
	snakeCheck
	H2PingUseTLS *bool
	// They are of the probe if there is one here, else text that is only shown.
	Interval, Timeout json.RawMessage
	PeerName          string
	enterpriseFields
}

// check returns the check with its definition, however it was given.
func (c *registeredCheck) check() (*api.Check, error) {
	if err := c.refuse(); err != nil {
		return nil, err
	}
	k, d := &c.Check, c.CheckDefinition
	set(&k.ServiceID, c.snakeCheck.ServiceID)
	d.H2PingUseTLS = d.H2PING != "" // on unless switched off, as everywhere in this form
	set(&d.H2PingUseTLS, c.H2PingUseTLS)
	c.snakeCheck.into(&d)
	if saysNothing(d) {
		return k, c.fill(&k.Interval, &k.Timeout)
	}
	if k.Definition != nil && !saysNothing(*k.Definition) {
		return nil, api.E(api.Invalid, fmt.Sprintf("Invalid check %q: its probe is given both within Definition and beside it: give one of them", k.CheckID))
	}
	k.Definition = &d
	return k, c.fill(&d.Interval, &d.Timeout)
}

// fill reads interval and timeout into fields of one type.
func (c *registeredCheck) fill(interval, timeout any) error {
	for _, f := range []struct {
		name string
		raw  json.RawMessage
		to   any
	}{{"Interval", c.Interval, interval}, {"Timeout", c.Timeout, timeout}} {
		if len(f.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(f.raw, f.to); err != nil {
			return api.E(api.Invalid, "Request decode failed: "+unreadable(err, f.to, f.name))
		}
	}
	return nil
}

// saysNothing reports whether a definition is as good as none: clients send all
// fields, with or without content.
func saysNothing(d api.CheckDefinition) bool {
	if len(d.Header) == 0 {
		d.Header = nil
	}
	if len(d.Args) == 0 {
		d.Args = nil
	}
	return reflect.ValueOf(d).IsZero()
}
