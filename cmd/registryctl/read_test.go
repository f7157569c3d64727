package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTables(t *testing.T) {
	f := serve(t, everything())
	for _, c := range []struct{ args, want string }{
		{"members", `
			Node  Address        Status  Type    Build   Protocol  DC   Partition  Segment
			c1    [::1]:8301     left    client  1.16.4  2         dc1  default    <all>
			s1    10.0.0.1:8301  alive   server  1.16.4  2         dc1  default    <all>
			s2    10.0.0.2:8301  failed  server  1.16.4  2         dc1  default    <all>`},
		{"members -detailed -status=^alive$", `
			Node  Address        Status  Tags
			s1    10.0.0.1:8301  alive   build=1.16.4:abc,dc=dc1,role=consul,segment=,vsn=2`},
		{"catalog datacenters", "dc1\ndc2"},
		{"catalog nodes", `
			Node  ID        Address   DC
			n1    0cd7a9d6  10.0.0.1  dc1
			n2    -         10.0.0.2  dc1`},
		{"catalog nodes -detailed", `
			Node  ID                                    Address   DC   TaggedAddresses           Meta
			n1    0cd7a9d6-1f3a-4d4c-9b3e-1e1c1f1a0001  10.0.0.1  dc1  lan=10.0.0.1,wan=1.1.1.1  rack=a
			n2    -                                     10.0.0.2  dc1  -                         -`},
		{"catalog nodes -service=web", `
			Node  ID        Address   DC
			n1    0cd7a9d6  10.0.0.1  dc1`},
		{"catalog services", "db\nweb"},
		{"catalog services -tags", "db\nweb  v1,v2"},
		{"catalog services -tags -node n1", "db\nweb  blue,v1"},
		{"lookup web", "10.1.0.1:80\n[fd00::2]:81\n10.0.0.3"},
		{"health", `
			Service  Instances  Passing  Warning  Critical  Maintenance
			db       1          0        1        0         0
			web      3          1        0        1         1`},
		{"health web", `
			ID     Node  Address       Status       Why
			web-1  n1    10.1.0.1:80   passing      -
			web-2  n2    [fd00::2]:81  critical     Service 'web' check: dial tcp: connection refused
			web-3  n3    10.0.0.3      maintenance  Service Maintenance Mode: new disk`},
		{"services list", `
			Service  ID     Node  Address        Status       Tags
			db       db     n1    10.0.0.1:5432  warning      -
			web      web-1  n1    10.1.0.1:80    passing      v1,blue
			web      web-2  n2    [fd00::2]:81   critical     v2
			web      web-3  n3    10.0.0.3       maintenance  -`},
		{"services list -local", `
			Service  ID     Node  Address      Status   Tags
			web      web-1  n1    10.1.0.1:80  passing  v1,blue`},
		{"services list db", `
			Service  ID  Node  Address        Status   Tags
			db       db  n1    10.0.0.1:5432  warning  -`},
		{"checks", `
			Node  Check          Instance  Status    Output
			n1    serfHealth     -         passing   Agent alive and reachable
			n1    service:web-2  web-2     critical  no answer`},
		{"checks web -state=critical", `
			Node  Check          Instance  Status    Output
			n1    service:web-2  web-2     critical  no answer`},
		{"kv get app/color", "green"},
		{"kv get /app/color", "green"},
		{"kv get -base64 app/color", "Z3JlZW4="},
		{"kv get -detailed app/color", `
			CreateIndex      5
			Flags            42
			Key              app/color
			LockIndex        2
			ModifyIndex      9
			Session          8b1e
			Value            green`},
		{"kv get -recurse app/", "app/color:green\napp/empty:"},
		{"session list", `
			ID    Name  Node  TTL  LockDelay  Behavior  Checks
			8b1e  job   n1    30s  15s        release   serfHealth,web-1`},
		{"session info 8b1e", `
			ID    Name  Node  TTL  LockDelay  Behavior  Checks
			8b1e  job   n1    30s  15s        release   serfHealth,web-1`},
		{"operator raft list-peers", `
			Node  ID   Address        State     Voter  RaftProtocol  Commit Index  Trails Leader By
			s1    id1  10.0.0.1:8300  leader    true   3             100           -
			s2    id2  10.0.0.2:8300  follower  false  3             93            7 commits`},
		{"operator autopilot get-config", `
			CleanupDeadServers = true
			LastContactThreshold = 200ms
			MaxTrailingLogs = 250
			MinQuorum = 0
			ServerStabilizationTime = 10s
			RedundancyZoneTag = ""
			DisableUpgradeMigration = false
			UpgradeVersionTag = ""`},
		{"operator usage", `
			Datacenter  Nodes  Services  Service instances  Billable
			dc1         3      2         4                  1`},
		{"query list", `
			ID    Name      Service  Tags  Template  Session
			9c2f  web-near  web      v1    -         -`},
		{"query execute web-near", "10.1.0.1:80\n[fd00::2]:81\n10.0.0.3"},
		{"config list -kind check-policy", `
			Name   Damping                                    Guard
			*      over 5 changes in 1m: held 30s to 10m      -
			web    over 3 changes in 1m30s: held 1m to 1h30m  over 30% critical: kept 1h
			quiet  -                                          -`},
		{"config list -kind=service-defaults", "api\nweb"},
		{"config read -kind check-policy -name web", `
			{
			  "Kind": "check-policy",
			  "Name": "web",
			  "Guard": {
			    "Share": 0.30
			  },
			  "CreateIndex": 9,
			  "ModifyIndex": 10
			}`},
		{"event list deploy", `
			Name    ID  LTime  Payload
			deploy  e1  2      v1
			deploy  e2  3      "a\nb"`},
		{"rtt s1 s2", "Estimated s1 <-> s2 rtt: 7.000 ms (using LAN coordinates)"},
		{"rtt s2", "Estimated s2 <-> s1 rtt: 7.000 ms (using LAN coordinates)"},
		{"rtt -wan s1.dc1 s4.dc2", "Estimated s1.dc1 <-> s4.dc2 rtt: 12.000 ms (using WAN coordinates)"},
	} {
		t.Run(c.args, func(t *testing.T) {
			o := call(t, f.URL, strings.Fields(c.args)...)
			require.Empty(t, o.stderr)
			require.Zero(t, o.code)
			require.Equal(t, unpad(c.want), o.stdout)
		})
	}
	require.Equal(t, "agent:\n\tcheck_ttls = 0\nraft:\n\tstate = Leader\n\tterm = 2\n", call(t, f.URL, "info").stdout)
	require.Equal(t, "Node:\n  Name:   s1\n  Reason: reboot\n\nService:\n  ID:     web-1\n  Reason: new disk\n", call(t, f.URL, "maint").stdout)
	require.Contains(t, call(t, f.URL, "operator", "autopilot", "state").stdout, "   id1\n      Name:          s1\n")
}

// Programs get JSON of one value from every command that reads, in the words
// of the HTTP API.
func TestJSON(t *testing.T) {
	f := serve(t, everything())
	for args, want := range map[string]string{
		"members":                       `"Name": "s1"`,
		"catalog nodes":                 `"Node": "n1"`,
		"catalog nodes -service=web":    `"Node": "n1"`,
		"catalog services":              `"web": [`,
		"catalog datacenters":           `"dc1"`,
		"lookup web":                    `"CheckID": "serfHealth"`,
		"health":                        `"Maintenance": 1`,
		"health web":                    `"ID": "web-1"`,
		"services list":                 `"ID": "web-1"`,
		"checks":                        `"CheckID": "serfHealth"`,
		"kv get app/color":              `"ModifyIndex": 9`,
		"kv get -recurse app/":          `"Key": "app/empty"`,
		"session list":                  `"ID": "8b1e"`,
		"session info 8b1e":             `"ID": "8b1e"`,
		"session renew 8b1e":            `"ID": "8b1e"`,
		"operator raft list-peers":      `"ID": "id1"`,
		"operator autopilot get-config": `"MaxTrailingLogs": 250`,
		"operator autopilot state":      `"Leader": "id1"`,
		"operator usage instances":      `"Services": 2`,
		"query list":                    `"ID": "9c2f"`,
		"query get 9c2f":                `"ID": "9c2f"`,
		"query execute web-near":        `"Datacenter": "dc1"`,
		"query explain web-near":        `"ID": "9c2f"`,
		"event list":                    `"Payload": "djE="`,
		"rtt s1 s2":                     `"Milliseconds": 7`,
		"info":                          `"term": "2"`,
		"maint":                         `"ServiceID": "web-1"`,
		"version":                       `"Version": "1.16.4"`,

		"config list -kind=check-policy":           `"Hash": 12345678901234567890`,
		"config list -kind=service-defaults":       `"Name": "api"`,
		"config read -kind=check-policy -name=web": `"ModifyIndex": 10`,
	} {
		o := call(t, f.URL, append(strings.Fields(args), "-o", "json")...)
		require.Zero(t, o.code, args+o.stderr)
		require.Contains(t, o.stdout, want, args)
		d := json.NewDecoder(strings.NewReader(o.stdout))
		var v any
		require.NoError(t, d.Decode(&v), args)
		require.False(t, d.More(), args)
	}
}

func TestReadsPassTheirFlagsOn(t *testing.T) {
	for args, want := range map[string]string{
		"lookup web -passing -tag=a -tag=b -near=_agent":  "GET /v1/health/service/web?near=_agent&passing=1&tag=a&tag=b",
		"lookup web -filter=X -node-meta=k=v,w -stale":    "GET /v1/health/service/web?filter=X&node-meta=k%3Av%2Cw&stale=",
		"catalog nodes -near=n1 -node-meta=a=b -filter=f": "GET /v1/catalog/nodes?filter=f&near=n1&node-meta=a%3Ab",
		"catalog services -node-meta=a=b -datacenter=dc2": "GET /v1/catalog/services?dc=dc2&node-meta=a%3Ab",
		"members -wan -filter=f":                          "GET /v1/agent/members?filter=f&wan=1",
		"kv get -keys -separator=: app/":                  "GET /v1/kv/app/?keys=&separator=%3A",
		"checks -node=n1 -filter=f":                       "GET /v1/health/node/n1?filter=f",
		"checks -state=critical":                          "GET /v1/health/state/critical",
		"session list -node=n1":                           "GET /v1/session/node/n1",
		"query execute web-near -near=_agent -limit=2":    "GET /v1/query/web-near/execute?limit=2&near=_agent",
		"event list -name=deploy":                         "GET /v1/event/list?name=deploy",
		"operator raft list-peers -stale":                 "GET /v1/operator/raft/configuration?stale=",
		"config read -stale -kind=k -name=*":              "GET /v1/config/k/%2A?stale=",
		"config list -stale -kind=check-policy":           "GET /v1/config/check-policy?stale=",
	} {
		f := serve(t, everything())
		call(t, f.URL, strings.Fields(args)...)
		require.NotEmpty(t, f.requests(), args)
		got := f.requests()[0]
		require.Equal(t, want, got, args)
	}
}

// A filter is for instances: the list of services, which comes first, knows no
// such fields and would refuse it.
func TestFilterGoesToInstancesOnly(t *testing.T) {
	f := serve(t, everything())
	call(t, f.URL, "services", "list", "-filter=Service.Port==80")
	require.Equal(t, "GET /v1/catalog/services", f.requests()[0])
	require.Contains(t, f.requests(), "GET /v1/health/service/web?filter=Service.Port%3D%3D80")
}

func TestWhatIsNotThere(t *testing.T) {
	f := serve(t, everything())
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"lookup none", 2, `no instance of "none" is registered`},
		{"lookup none -passing", 2, `no instance of "none" passes its checks`},
		{"lookup none -tag=x", 2, `no instance of "none" fits the flags`},
		{"health none", 2, `no instance of "none" is registered`},
		{"checks none", 2, `no check of service "none" is registered`},
		{"checks none -state=critical", 2, `no check of service "none" is registered`},
		{"checks none -filter=f", 2, `no check of service "none" fits the filter`},
		{"checks -node=none", 2, `no check of node "none" is registered`},
		{"services deregister none", 1, "open none: no such file or directory; for the instance with that ID write -id=none"},
		{"members -status=leaving", 2, "no member is like that"},
		{"kv get none", 1, "Error! No key exists at: none"},
		{"config read -kind=check-policy -name=none", 1, "no config entry check-policy/none: see registryctl config list -kind=check-policy"},
		{"config list -kind=spaceship", 1, "list config entries of kind spaceship: invalid config entry kind: spaceship (registryd keeps check-policy, proxy-defaults, service-defaults)"},
		{"session info gone", 2, `there is no session "gone", or no longer`},
		{"session renew gone", 2, `there is no session "gone", or no longer`},
		{"query execute none", 2, `no query "none"`},
		{"query execute empty", 2, `query "empty" finds no instance of "web"`},
		{"rtt s1 none", 1, `no coordinate of node "none" is known`},
	} {
		o := call(t, f.URL, strings.Fields(c.args)...)
		require.Equal(t, c.code, o.code, c.args)
		require.Contains(t, o.stderr, "registryctl: "+c.want, c.args)
		require.Empty(t, o.stdout, c.args)
	}
	require.Equal(t, "[]\n", call(t, f.URL, "lookup", "none", "-o", "json").stdout)
}
