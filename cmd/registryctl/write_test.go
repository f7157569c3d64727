package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// accepting answers all writes as a server does that has no objection.
func accepting() map[string]answer {
	return map[string]answer{
		"PUT /v1/agent/service/register":           {},
		"PUT /v1/agent/service/deregister/web-1":   {},
		"PUT /v1/agent/service/deregister/web":     {},
		"PUT /v1/agent/service/maintenance/web-1":  {},
		"PUT /v1/agent/maintenance":                {},
		"PUT /v1/agent/check/pass/c1":              {},
		"PUT /v1/agent/check/update/c1":            {},
		"PUT /v1/agent/check/deregister/c1":        {},
		"PUT /v1/agent/join/10.0.0.2":              {},
		"PUT /v1/agent/leave":                      {},
		"PUT /v1/agent/force-leave/s3":             {},
		"PUT /v1/agent/reload":                     {},
		"PUT /v1/kv/a":                             {body: "true"},
		"PUT /v1/kv/b/a":                           {body: "true"},
		"PUT /v1/kv/b/dir/":                        {body: "true"},
		"PUT /v1/kv/taken":                         {body: "false"},
		"DELETE /v1/kv/a":                          {body: "true"},
		"DELETE /v1/kv/":                           {body: "true"},
		"DELETE /v1/kv/taken":                      {body: "false"},
		"PUT /v1/config":                           {body: "true"},
		"DELETE /v1/config/check-policy/web":       {body: "{}"},
		"DELETE /v1/config/check-policy/cas":       {body: "true"},
		"DELETE /v1/config/check-policy/taken":     {body: "false"},
		"PUT /v1/session/create":                   {body: `{"ID":"8b1e"}`},
		"PUT /v1/session/destroy/8b1e":             {body: "true"},
		"PUT /v1/event/fire/deploy":                {body: `{"ID":"e1","Name":"deploy"}`},
		"POST /v1/query":                           {body: `{"ID":"9c2f"}`},
		"PUT /v1/query/9c2f":                       {},
		"DELETE /v1/query/9c2f":                    {},
		"DELETE /v1/operator/raft/peer":            {},
		"POST /v1/operator/raft/transfer-leader":   {body: `{"Success":true}`},
		"GET /v1/operator/autopilot/configuration": {body: autopilotConf},
		"PUT /v1/operator/autopilot/configuration": {body: "true"},
	}
}

func TestWrites(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	hcl := file("web.hcl", `service { name = "web" id = "web-1" port = 80 check { http = "http://x" interval = "5s" } }`)
	json := file("two.json", `{"services":[{"name":"web","port":80},{"name":"web","id":"web-1"}]}`)
	query := file("query.json", `{"Name":"q","Service":{"Service":"web","Near":"_agent"}}`)
	data := file("data", "from file")
	policy := file("policy.hcl", "Kind = \"check-policy\"\nName = \"web\"\nGuard { share = 0.50 }\nModifyIndex = 3")
	for _, c := range []struct {
		args    []string
		stdin   string
		request []string // "METHOD path?query" and what the body must contain
		want    string   // on stdout
	}{
		{[]string{"services", "register", hcl}, "", []string{"PUT /v1/agent/service/register", `"ID":"web-1"`, `"HTTP":"http://x"`, `"Interval":"5s"`}, "Registered service: web\n"},
		{[]string{"services", "register", json}, "", []string{"PUT /v1/agent/service/register", `"ID":"web-1"`}, "Registered service: web\nRegistered service: web\n"},
		{[]string{"services", "register", "-"}, `{"service":{"name":"web"}}`, []string{"PUT /v1/agent/service/register", `"Name":"web"`}, "Registered service: web\n"},
		{[]string{"services", "register", "-name=web", "-id=web-1", "-address=1.2.3.4", "-port=80", "-tag=a", "-tag=b", "-meta=k=v=w,x", "-tagged-address=wan=5.6.7.8:90"}, "",
			[]string{"PUT /v1/agent/service/register", `"Tags":["a","b"]`, `"Meta":{"k":"v=w,x"}`, `"wan":{"Address":"5.6.7.8","Port":90}`, `"Port":80`}, "Registered service: web\n"},
		{[]string{"services", "register", "-name=web", "--check-http=http://x", "--check-interval=3s"}, "", []string{"PUT /v1/agent/service/register", `"HTTP":"http://x"`, `"Interval":"3s"`}, "Registered service: web\n"},
		{[]string{"services", "register", "-name=web", "--check-tcp=x:1", "--check-ttl=30s"}, "", []string{"PUT /v1/agent/service/register", `"TCP":"x:1"`, `"TTL":"30s"`}, "Registered service: web\n"},
		{[]string{"services", "deregister", "-id=web-1"}, "", []string{"PUT /v1/agent/service/deregister/web-1"}, "Deregistered service: web-1\n"},
		{[]string{"services", "deregister", json}, "", []string{"PUT /v1/agent/service/deregister/web-1"}, "Deregistered service: web\nDeregistered service: web-1\n"},
		{[]string{"maint", "-enable", "-service=web-1", "-reason=new disk"}, "", []string{"PUT /v1/agent/service/maintenance/web-1?enable=true&reason=new+disk"}, "Service maintenance is now enabled for \"web-1\"\n"},
		{[]string{"maint", "-disable"}, "", []string{"PUT /v1/agent/maintenance?enable=false"}, "Node maintenance is now disabled\n"},
		{[]string{"checks", "pass", "c1", "-note=fine"}, "", []string{"PUT /v1/agent/check/pass/c1?note=fine"}, "Check c1 is passing\n"},
		{[]string{"checks", "warn", "c1"}, "", []string{"PUT /v1/agent/check/update/c1", `"Status":"warning"`}, "Check c1 is warning\n"},
		{[]string{"checks", "fail", "c1"}, "", []string{"PUT /v1/agent/check/update/c1", `"Status":"critical"`}, "Check c1 is critical\n"},
		{[]string{"checks", "deregister", "c1"}, "", []string{"PUT /v1/agent/check/deregister/c1"}, "Deregistered check: c1\n"},
		{[]string{"join", "10.0.0.2"}, "", []string{"PUT /v1/agent/join/10.0.0.2"}, "Successfully joined cluster by contacting 1 nodes.\n"},
		{[]string{"leave"}, "", []string{"PUT /v1/agent/leave"}, "Graceful leave complete\n"},
		{[]string{"force-leave", "-prune", "s3"}, "", []string{"PUT /v1/agent/force-leave/s3?prune="}, "s3 is no longer a member\n"},
		{[]string{"reload"}, "", []string{"PUT /v1/agent/reload"}, "Configuration reload triggered\n"},
		{[]string{"kv", "put", "a", "v"}, "", []string{"PUT /v1/kv/a v"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "/a", "-x"}, "", []string{"PUT /v1/kv/a -x"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "a"}, "", []string{"PUT /v1/kv/a"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "a", "-"}, "from stdin", []string{"PUT /v1/kv/a from stdin"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "a", "@" + data}, "", []string{"PUT /v1/kv/a from file"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "-base64", "a", "Z3JlZW4="}, "", []string{"PUT /v1/kv/a green"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "-cas", "-modify-index=7", "-flags=3", "a", "v"}, "", []string{"PUT /v1/kv/a?cas=7&flags=3 v"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "-cas", "a", "v"}, "", []string{"PUT /v1/kv/a?cas=0 v"}, "Success! Data written to: a\n"},
		{[]string{"kv", "put", "-acquire", "-session=8b1e", "a", "v"}, "", []string{"PUT /v1/kv/a?acquire=8b1e v"}, "Success! Lock acquired on: a\n"},
		{[]string{"kv", "put", "-release", "-session=8b1e", "a", "v"}, "", []string{"PUT /v1/kv/a?release=8b1e v"}, "Success! Lock released on: a\n"},
		{[]string{"kv", "delete", "a"}, "", []string{"DELETE /v1/kv/a"}, "Success! Deleted key: a\n"},
		{[]string{"kv", "delete", "-recurse", ""}, "", []string{"DELETE /v1/kv/?recurse="}, "Success! Deleted keys with prefix: \n"},
		{[]string{"kv", "delete", "-cas", "-modify-index=7", "a"}, "", []string{"DELETE /v1/kv/a?cas=7"}, "Success! Deleted key: a\n"},
		{[]string{"session", "create", "-name=job", "-ttl=30s", "-behavior=delete", "-node-check=serfHealth", "-service-check=c"}, "",
			[]string{"PUT /v1/session/create", `"Name":"job"`, `"TTL":"30s"`, `"Behavior":"delete"`, `"NodeChecks":["serfHealth"]`, `"ServiceChecks":[{"ID":"c"`}, "8b1e\n"},
		{[]string{"session", "create", "-lock-delay=0s"}, "", []string{"PUT /v1/session/create", `"LockDelay":"0s"`}, "8b1e\n"},
		{[]string{"session", "destroy", "8b1e"}, "", []string{"PUT /v1/session/destroy/8b1e"}, "Destroyed session: 8b1e\n"},
		{[]string{"event", "-name=deploy", "-service=web", "-tag=v1", "-node=n", "-p-"}, "", nil, ""},
		{[]string{"event", "-name=deploy", "-service=web", "-tag=v1", "-node=n", "v1"}, "", []string{"PUT /v1/event/fire/deploy?node=n&service=web&tag=v1 v1"}, "Event ID: e1\n"},
		{[]string{"query", "create", "-name=q", "-service=web", "-tag=a", "-only-passing", "-dns-ttl=5s"}, "", []string{"POST /v1/query", `"Name":"q"`, `"Service":"web"`, `"OnlyPassing":true`, `"TTL":"5s"`}, "9c2f\n"},
		{[]string{"query", "create", query}, "", []string{"POST /v1/query", `"Near":"_agent"`}, "9c2f\n"},
		{[]string{"query", "update", "9c2f", query}, "", []string{"PUT /v1/query/9c2f", `"Name":"q"`}, "Updated query: 9c2f\n"},
		{[]string{"query", "delete", "9c2f"}, "", []string{"DELETE /v1/query/9c2f"}, "Deleted query: 9c2f\n"},
		{[]string{"operator", "raft", "remove-peer", "-id=id1"}, "", []string{"DELETE /v1/operator/raft/peer?id=id1"}, "Removed peer with id \"id1\"\n"},
		{[]string{"operator", "raft", "remove-peer", "-address=x:1"}, "", []string{"DELETE /v1/operator/raft/peer?address=x%3A1"}, "Removed peer with address \"x:1\"\n"},
		{[]string{"operator", "raft", "transfer-leader", "-id=id2"}, "", []string{"POST /v1/operator/raft/transfer-leader?id=id2"}, "Success\n"},
		{[]string{"operator", "autopilot", "set-config", "-cleanup-dead-servers=false", "-min-quorum=3", "-server-stabilization-time=5s", "-max-trailing-logs=9", "-last-contact-threshold=1s"}, "",
			[]string{"PUT /v1/operator/autopilot/configuration?cas=4", `"CleanupDeadServers":false`, `"MinQuorum":3`, `"ServerStabilizationTime":"5s"`, `"MaxTrailingLogs":9`, `"LastContactThreshold":"1s"`}, "Configuration updated!\n"},
		{[]string{"operator", "autopilot", "set-config", "-min-quorum=3"}, "", []string{"PUT /v1/operator/autopilot/configuration?cas=4", `"CleanupDeadServers":true`, `"MaxTrailingLogs":250`}, "Configuration updated!\n"},
		{[]string{"config", "write", policy}, "", []string{"PUT /v1/config", `{"Kind":"check-policy","Name":"web","Guard":{"share":0.50},"ModifyIndex":3}`}, "Config entry written: check-policy/web\n"},
		{[]string{"config", "write", "-"}, `{"kind":"service-defaults","name":"a/b","Protocol":"http"}`,
			[]string{"PUT /v1/config", `{"Kind":"service-defaults","Name":"a/b","Protocol":"http"}`}, "Config entry written: service-defaults/a/b\n"},
		{[]string{"config", "write", "-cas", "-modify-index", "7", policy}, "", []string{"PUT /v1/config?cas=7", `"Guard":{"share":0.50}`}, "Config entry written: check-policy/web\n"},
		{[]string{"config", "write", "-cas", policy}, "", []string{"PUT /v1/config?cas=0", `"Guard":{"share":0.50}`}, "Config entry written: check-policy/web\n"},
		{[]string{"config", "delete", "-kind", "check-policy", "-name", "web"}, "", []string{"DELETE /v1/config/check-policy/web"}, "Config entry deleted: check-policy/web\n"},
		{[]string{"config", "delete", "-filename", policy}, "", []string{"DELETE /v1/config/check-policy/web"}, "Config entry deleted: check-policy/web\n"},
		{[]string{"config", "delete", "-filename=-"}, `{"Kind":"check-policy","Name":"web"}`, []string{"DELETE /v1/config/check-policy/web"}, "Config entry deleted: check-policy/web\n"},
		{[]string{"config", "delete", "-kind=check-policy", "-name=cas", "-cas", "-modify-index=7"}, "", []string{"DELETE /v1/config/check-policy/cas?cas=7"}, "Config entry deleted: check-policy/cas\n"},
		{[]string{"kv", "import", "-"}, `[{"key":"a","flags":3,"value":"djE="}]`, []string{"PUT /v1/kv/a?flags=3 v1"}, "Imported: a\n"},
		{[]string{"kv", "import", "-prefix=/b/", `[{"key":"a","flags":0,"value":"djE="},{"key":"dir/","flags":0,"value":""}]`}, "", []string{"PUT /v1/kv/b/dir/"}, "Imported: b/a\nImported: b/dir/\n"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			f := serve(t, accepting())
			o := callWith(t, c.stdin, f.URL, c.args...)
			if c.request == nil { // a mistake, which must reach no server
				require.Equal(t, exitUsage, o.code)
				require.Empty(t, f.requests())
				return
			}
			require.Zero(t, o.code, o.stderr)
			require.Empty(t, o.stderr)
			require.Equal(t, c.want, o.stdout)
			got := f.requests()[len(f.requests())-1]
			line := got
			if len(c.request) > 1 { // the body is JSON
				line, _, _ = strings.Cut(line, " {")
			}
			require.Equal(t, c.request[0], line)
			for _, part := range c.request[1:] {
				require.Contains(t, got, part)
			}
		})
	}
}

func TestRefusedWrites(t *testing.T) {
	answers := accepting()
	answers["PUT /v1/agent/service/deregister/nope"] = answer{status: 404, body: `Unknown service ID "nope". Ensure that the service ID is passed, not the service name.`}
	answers["PUT /v1/operator/autopilot/configuration"] = answer{body: "false"}
	answers["PUT /v1/config"] = answer{body: "false"}
	answers["PUT /v1/agent/join/nowhere"] = answer{status: 500, body: "1 error occurred: nobody there"}
	f := serve(t, answers)
	policy := filepath.Join(t.TempDir(), "policy.hcl")
	require.NoError(t, os.WriteFile(policy, []byte(`Kind = "check-policy" Name = "web"`), 0o600))
	for _, c := range []struct{ args, want string }{
		{"kv put -cas -modify-index=3 taken v", "Error! Did not write to taken: CAS failed"},
		{"kv put -acquire -session=s taken v", "Error! Did not acquire lock"},
		{"kv put -release -session=s taken v", "Error! Did not release lock"},
		{"kv delete -cas -modify-index=3 taken", "Error! Did not delete key taken: CAS failed"},
		{"services deregister -id=nope", `Unknown service ID "nope"`},
		{"operator autopilot set-config -min-quorum=3", "changed by somebody else meanwhile"},
		{"join nowhere", "nobody there"},
		{"config write -cas -modify-index=3 " + policy, "Config entry not updated: check-policy/web: it is not as -modify-index says: see registryctl config read"},
		{"config write -cas " + policy, "Config entry not updated: check-policy/web: there is one already"},
		{"config delete -cas -modify-index=3 -kind=check-policy -name=taken", "Config entry not deleted: check-policy/taken: it is not as -modify-index says"},
		{"config write /nonexistent.hcl", "no such file"},
		{"config delete -filename=/nonexistent.hcl", "no such file"},
		{"config write -", "standard input is no config entry: it needs Kind"},
		{"kv import nonsense", "cannot read what to import"},
		{"kv import @/nonexistent", "no such file"},
		{"services register /nonexistent.hcl", "no such file"},
	} {
		o := call(t, f.URL, strings.Fields(c.args)...)
		require.Equal(t, exitFailed, o.code, c.args)
		require.Contains(t, o.stderr, c.want, c.args)
		require.Equal(t, 1, strings.Count(o.stderr, "\n"), c.args)
		require.Empty(t, o.stdout, c.args)
	}
	o := call(t, f.URL, "kv", "put", "-cas", "-modify-index=3", "taken", "v", "-o", "json")
	require.Equal(t, exitFailed, o.code)
	require.JSONEq(t, `{"Success":false}`, o.stdout)
	require.Contains(t, call(t, f.URL, "join", "nowhere", "10.0.0.2").stdout, "contacting 1 nodes")
}

// What was exported must import to the same keys.
func TestExportAndImport(t *testing.T) {
	f := serve(t, everything())
	o := call(t, f.URL, "kv", "export", "app/")
	require.Zero(t, o.code, o.stderr)
	require.Equal(t, "[\n\t{\n\t\t\"key\": \"app/color\",\n\t\t\"flags\": 42,\n\t\t\"value\": \"Z3JlZW4=\"\n\t},\n"+
		"\t{\n\t\t\"key\": \"app/empty\",\n\t\t\"flags\": 0,\n\t\t\"value\": \"\"\n\t}\n]\n", o.stdout)

	to := serve(t, map[string]answer{"PUT /v1/kv/app/color": {body: "true"}, "PUT /v1/kv/app/empty": {body: "true"}})
	require.Zero(t, callWith(t, o.stdout, to.URL, "kv", "import", "-").code)
	require.Equal(t, []string{"PUT /v1/kv/app/color?flags=42 green", "PUT /v1/kv/app/empty"}, to.requests())
	require.Equal(t, "[]\n", call(t, to.URL, "kv", "export", "none/").stdout)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		answer answer
		want   string
	}{
		{answer{status: 403, body: "Permission denied: token lacks key:write"}, "Permission denied: token lacks key:write: give a token with --token or CONSUL_HTTP_TOKEN"},
		{answer{status: 400, body: "Bad request"}, "Bad request"},
		{answer{status: 500, body: "rpc error: lost", header: map[string]string{"X-Registryd-Error": "outcome-unknown"}}, "look before you repeat it"},
	} {
		f := serve(t, map[string]answer{"PUT /v1/kv/a": c.answer})
		o := call(t, f.URL, "kv", "put", "a", "v")
		require.Equal(t, exitFailed, o.code)
		require.Contains(t, o.stderr, c.want)
	}
	o := call(t, "127.0.0.1:1", "members")
	require.Equal(t, exitFailed, o.code)
	require.Equal(t, "registryctl: no server answers at 127.0.0.1:1: is it running? Try --http-addr or CONSUL_HTTP_ADDR (connection refused)\n", o.stderr)
	require.Contains(t, call(t, "", "members", "-http-addr=127.0.0.1:2,127.0.0.1:3").stderr, "at 127.0.0.1:2,127.0.0.1:3: is it running?")
	require.Contains(t, call(t, "ftp://x", "members").stderr, "scheme is none of http")
}

func TestTokenAndAddressFlags(t *testing.T) {
	f := serve(t, everything())
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("secret\n"), 0o600))
	for _, args := range [][]string{{"-token=secret"}, {"--token", "secret"}, {"-token-file", path}} {
		o := call(t, "127.0.0.1:1", append([]string{"members", "-http-addr=127.0.0.1:1," + f.URL}, args...)...)
		require.Zero(t, o.code, o.stderr)
		require.Equal(t, "secret", f.token())
	}
}
