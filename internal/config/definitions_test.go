package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestDefinitions(t *testing.T) {
	want := &api.ServiceRegistration{
		ID: "web-1", Name: "web", Tags: []string{"a", "b"}, Address: "10.0.0.1", Port: 80,
		TaggedAddresses:   map[string]api.ServiceAddress{"wan": {Address: "1.2.3.4", Port: 8080}},
		Meta:              map[string]string{"k": "v"},
		Weights:           &api.Weights{Passing: 10, Warning: 1},
		EnableTagOverride: true,
		Token:             "t",
		Check: &api.CheckRegistration{CheckID: "c1", Name: "alive", CheckDefinition: api.CheckDefinition{
			HTTP: "http://x", Method: "PUT", Header: map[string][]string{"A": {"1", "2"}}, TLSSkipVerify: true,
			Interval: api.Duration(10 * time.Second), Timeout: api.Duration(time.Second),
			SuccessBeforePassing: 2, FailuresBeforeWarning: 1, FailuresBeforeCritical: 3,
			DeregisterCriticalServiceAfter: api.Duration(90 * time.Minute), Observers: 3,
		}},
		Checks: []*api.CheckRegistration{
			{Status: "passing", CheckDefinition: api.CheckDefinition{TTL: api.Duration(15 * time.Second)}},
			{CheckDefinition: api.CheckDefinition{H2PING: "x:1", H2PingUseTLS: true, Interval: api.Duration(time.Second)}},
			{CheckDefinition: api.CheckDefinition{H2PING: "x:1", Interval: api.Duration(time.Second)}},
			{CheckDefinition: api.CheckDefinition{Args: []string{"/bin/true"}, Interval: api.Duration(time.Second)}},
		},
	}
	for _, c := range []struct{ name, file, text string }{
		{"snake case HCL", "a.hcl", `
			service {
				id = "web-1", name = "web", tags = ["a", "b"], address = "10.0.0.1", port = 80, token = "t"
				tagged_addresses { wan { address = "1.2.3.4", port = 8080 } }
				meta { k = "v" }
				weights { passing = 10 }
				enable_tag_override = true
				check {
					id = "c1", name = "alive", http = "http://x", method = "PUT", header { A = ["1", "2"] }
					tls_skip_verify = true, interval = "10s", timeout = "1s"
					success_before_passing = 2, failures_before_warning = 1, failures_before_critical = 3
					deregister_critical_service_after = "90m", observers = 3
				}
				checks = [
					{ ttl = "15s", status = "passing" },
					{ h2ping = "x:1", interval = "1s" },
					{ h2ping = "x:1", h2ping_use_tls = false, interval = "1s" },
					{ args = ["/bin/true"], interval = "1s" }
				]
			}`},
		{"camel case JSON", "a.json", `{"Services": [{
			"ID": "web-1", "Name": "web", "Tags": ["a", "b"], "Address": "10.0.0.1", "Port": 80, "Token": "t",
			"TaggedAddresses": {"wan": {"Address": "1.2.3.4", "Port": 8080}},
			"Meta": {"k": "v"}, "Weights": {"Passing": 10, "Warning": 1}, "EnableTagOverride": true,
			"Check": {
				"CheckID": "c1", "Name": "alive", "HTTP": "http://x", "Method": "PUT", "Header": {"A": ["1", "2"]},
				"TLSSkipVerify": true, "Interval": "10s", "Timeout": "1s",
				"SuccessBeforePassing": 2, "FailuresBeforeWarning": 1, "FailuresBeforeCritical": 3,
				"DeregisterCriticalServiceAfter": "1h30m", "observers": 3
			},
			"Checks": [
				{"TTL": "15s", "Status": "passing"},
				{"H2PING": "x:1", "Interval": "1s"},
				{"H2PING": "x:1", "H2PingUseTLS": false, "Interval": "1s"},
				{"script_args": ["/bin/true"], "Interval": "1s"}
			]
		}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseServices(c.file, []byte(c.text))
			require.NoError(t, err)
			require.Equal(t, []*api.ServiceRegistration{want}, got)
		})
	}
}

func TestDefinitionsAppend(t *testing.T) {
	c := mustLoadHCL(t, `
		services = [{ name = "a" }, { name = "b" }]
		service { name = "c" }
		service { name = "d" }
		checks = [{ name = "x", ttl = "1s" }]
		check { id = "y", ttl = "1s", serviceid = "c" }
	`)
	var names []string
	for _, s := range c.Services {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"a", "b", "c", "d"}, names)
	require.Len(t, c.Checks, 2)
	require.Equal(t, "y", c.Checks[1].ID)
	require.Empty(t, c.Checks[1].CheckID)
	require.Equal(t, "c", c.Checks[1].ServiceID)
}

func TestMeshInDefinitionsWarnsOnce(t *testing.T) {
	c := mustLoadHCL(t, `
		service { name = "a", connect { sidecar_service {} } }
		service { name = "b", connect { sidecar_service {} } }
		service { name = "c", connect {} }
	`)
	require.Equal(t, []string{"-hcl:2: connect in a definition has no effect: it belongs to the mesh or to Consul's paid edition"}, c.Warnings)
}

func TestDefinitionErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"service {\n port = 1\n}", `x.hcl:1: service needs a name: add name = "…"`},
		{"service {\n name = \"web\"\n prt = 1\n}", `x.hcl:3: service "web": key "prt" is unknown`},
		{"service {\n name = \"web\"\n port = \"x\"\n}", `x.hcl:3: service "web": port needs a whole number, not text "x"`},
		{"service {\n name = \"web\"\n check {\n  ttl = \"x\"\n }\n}", `x.hcl:4: service "web": check: ttl needs a duration such as "10s" or "1h30m", not "x"`},
		{"service {\n name = \"web\"\n check {\n  name = \"c\"\n  tttl = \"1s\"\n }\n}", `x.hcl:5: service "web": check "c": key "tttl" is unknown`},
		{"service {\n name = \"web\"\n tagged_addresses {\n  lan {\n   prt = 1\n  }\n }\n}", `x.hcl:5: service "web": tagged_addresses: "lan": key "prt" is unknown`},
		{"service {\n name = \"web\"\n weights {\n  passing = \"x\"\n }\n}", `x.hcl:4: service "web": weights: passing needs a whole number, not text "x"`},
		{"check {\n ttl = \"1s\"\n}", `x.hcl:1: check needs a name: add name = "…"`},
		{"check {\n name = \"c\"\n ttl = \"1s\"\n interval = \"1s\"\n}", `x.hcl:1: check "c" has both ttl and interval: keep one`},
		{"check {\n name = \"c\"\n ttl = \"1s\"\n status = \"good\"\n}", `x.hcl:1: check "c" has status "good": use passing, warning or critical`},
		{"check {\n name = \"c\"\n timeout = \"-1s\"\n}", `x.hcl:1: check "c" has a duration below zero`},
		{"check {\n name = \"c\"\n failures_before_warning = 3\n failures_before_critical = 2\n}", `x.hcl:1: check "c" has failures_before_warning above failures_before_critical`},
		{"service = \"web\"", `x.hcl:1: service needs an object in { }, not text "web"`},
	} {
		_, err := ParseServices("x.hcl", []byte(c.text))
		require.EqualError(t, err, c.want)
	}
}
