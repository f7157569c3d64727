package main

// Answers in the shape of those recorded from a real server.

const members3 = `[
 {"Name":"s2","Addr":"10.0.0.2","Port":8301,"Tags":{"role":"consul","build":"1.16.4:abc","vsn":"2","dc":"dc1","segment":""},"Status":4},
 {"Name":"s1","Addr":"10.0.0.1","Port":8301,"Tags":{"role":"consul","build":"1.16.4:abc","vsn":"2","dc":"dc1","segment":""},"Status":1},
 {"Name":"c1","Addr":"::1","Port":8301,"Tags":{"role":"node","build":"1.16.4:abc","vsn":"2","dc":"dc1","segment":""},"Status":3}]`

const webEntries = `[
 {"Node":{"ID":"0cd7a9d6-1f3a-4d4c-9b3e-1e1c1f1a0001","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1"},
  "Service":{"ID":"web-1","Service":"web","Tags":["v1","blue"],"Address":"10.1.0.1","Port":80,"Weights":{"Passing":1,"Warning":1}},
  "Checks":[{"Node":"n1","CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing"},
            {"Node":"n1","CheckID":"service:web-1","Name":"Service 'web' check","Status":"passing","ServiceID":"web-1","ServiceName":"web"}]},
 {"Node":{"Node":"n2","Address":"fd00::2","Datacenter":"dc1"},
  "Service":{"ID":"web-2","Service":"web","Tags":["v2"],"Address":"","Port":81,"Weights":{"Passing":1,"Warning":1}},
  "Checks":[{"Node":"n2","CheckID":"service:web-2","Name":"Service 'web' check","Status":"critical","Output":"dial tcp:\nconnection refused","ServiceID":"web-2","ServiceName":"web"}]},
 {"Node":{"Node":"n3","Address":"10.0.0.3","Datacenter":"dc1"},
  "Service":{"ID":"web-3","Service":"web","Tags":[],"Address":"","Port":0,"Weights":{"Passing":1,"Warning":1}},
  "Checks":[{"Node":"n3","CheckID":"_service_maintenance:web-3","Name":"Service Maintenance Mode","Status":"critical","Notes":"new disk","ServiceID":"web-3"}]}]`

const dbEntries = `[{"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":"db","Service":"db","Tags":[],"Address":"","Port":5432},
  "Checks":[{"CheckID":"c","Name":"replication lag","Status":"warning","Output":"9 s"}]}]`

const nodes2 = `[
 {"ID":"0cd7a9d6-1f3a-4d4c-9b3e-1e1c1f1a0001","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1","TaggedAddresses":{"wan":"1.1.1.1","lan":"10.0.0.1"},"Meta":{"rack":"a"}},
 {"ID":"","Node":"n2","Address":"10.0.0.2","Datacenter":"dc1","TaggedAddresses":null,"Meta":null}]`

const catalogWeb = `[
 {"ID":"0cd7a9d6-1f3a-4d4c-9b3e-1e1c1f1a0001","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1","ServiceID":"web-1","ServiceName":"web"},
 {"ID":"0cd7a9d6-1f3a-4d4c-9b3e-1e1c1f1a0001","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1","ServiceID":"web-4","ServiceName":"web"}]`

const nodeServices = `{"Node":{"Node":"n1","Address":"10.0.0.1"},"Services":[
 {"ID":"web-1","Service":"web","Tags":["v1","blue"],"Port":80},{"ID":"web-4","Service":"web","Tags":["v1"],"Port":81},{"ID":"db","Service":"db","Tags":[],"Port":5432}]}`

const checks2 = `[
 {"Node":"n1","CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing","Output":"Agent alive and reachable"},
 {"Node":"n1","CheckID":"service:web-2","Name":"Service 'web' check","Status":"critical","Output":"no\nanswer","ServiceID":"web-2","ServiceName":"web"}]`

const keyColor = `[{"LockIndex":2,"Key":"app/color","Flags":42,"Value":"Z3JlZW4=","Session":"8b1e","CreateIndex":5,"ModifyIndex":9}]`

const keys2 = `[{"LockIndex":0,"Key":"app/color","Flags":42,"Value":"Z3JlZW4=","CreateIndex":5,"ModifyIndex":9},
 {"LockIndex":0,"Key":"app/empty","Flags":0,"Value":null,"CreateIndex":6,"ModifyIndex":6}]`

const session1 = `[{"ID":"8b1e","Name":"job","Node":"n1","LockDelay":15000000000,"Behavior":"release","TTL":"30s","NodeChecks":["serfHealth"],"ServiceChecks":[{"ID":"web-1"}],"CreateIndex":5,"ModifyIndex":5}]`

const raft2 = `{"Servers":[
 {"ID":"id1","Node":"s1","Address":"10.0.0.1:8300","Leader":true,"ProtocolVersion":"3","Voter":true,"LastIndex":100},
 {"ID":"id2","Node":"s2","Address":"10.0.0.2:8300","Leader":false,"ProtocolVersion":"3","Voter":false,"LastIndex":93}],"Index":0}`

const autopilotConf = `{"CleanupDeadServers":true,"LastContactThreshold":"200ms","MaxTrailingLogs":250,"MinQuorum":0,"ServerStabilizationTime":"10s","RedundancyZoneTag":"","DisableUpgradeMigration":false,"UpgradeVersionTag":"","CreateIndex":4,"ModifyIndex":4}`

const autopilot1 = `{"Healthy":true,"FailureTolerance":1,"OptimisticFailureTolerance":1,"Leader":"id1","Voters":["id1"],"Servers":{
 "id1":{"ID":"id1","Name":"s1","Address":"10.0.0.1:8300","NodeStatus":"alive","Version":"1.16.4","LastContact":"0s","LastTerm":2,"LastIndex":100,"Healthy":true,"StableSince":"2024-01-01T00:00:00Z","ReadReplica":false,"Status":"leader","NodeType":"voter","Meta":{"rack":"a"}}}}`

const usage1 = `{"Usage":{"dc1":{"Nodes":3,"Services":2,"ServiceInstances":4,"BillableServiceInstances":1,"ConnectServiceInstances":{}}},"Index":9}`

const query1 = `[{"ID":"9c2f","Name":"web-near","Session":"","Token":"","Template":{"Type":"","Regexp":"","RemoveEmptyTags":false},"Service":{"Service":"web","Failover":{"NearestN":0,"Datacenters":null},"OnlyPassing":true,"Tags":["v1"]},"DNS":{"TTL":"10s"},"CreateIndex":3,"ModifyIndex":3}]`

const self1 = `{"Config":{"Datacenter":"dc1","NodeName":"s1","NodeID":"id1","Server":true,"Version":"1.16.4"},"DebugConfig":{},"Member":{"Name":"s1"},"Stats":{"raft":{"term":"2","state":"Leader"},"agent":{"check_ttls":"0"}},"Meta":{}}`

const events2 = `[{"ID":"e1","Name":"deploy","Payload":"djE=","NodeFilter":"","ServiceFilter":"","TagFilter":"","Version":1,"LTime":2},
 {"ID":"e2","Name":"deploy","Payload":"YQpi","NodeFilter":"","ServiceFilter":"","TagFilter":"","Version":1,"LTime":3}]`

const policies2 = `[
 {"Kind":"check-policy","Name":"*","Damping":{"Changes":5,"Window":"1m0s","Hold":"30s","MaxHold":"10m0s"},"Hash":12345678901234567890,"CreateIndex":8,"ModifyIndex":8},
 {"Kind":"check-policy","Name":"web","Damping":{"Changes":3,"Window":"90s","Hold":"1m0s","MaxHold":"1h30m0s"},"Guard":{"Share":0.3,"Hold":"1h0m0s"},"Meta":{"owner":"a"},"Hash":9,"CreateIndex":9,"ModifyIndex":10},
 {"Kind":"check-policy","Name":"quiet","Hash":3,"CreateIndex":11,"ModifyIndex":11}]`

const maintChecks = `{"_node_maintenance":{"Node":"s1","CheckID":"_node_maintenance","Status":"critical","Notes":"reboot"},
 "_service_maintenance:web-1":{"Node":"s1","CheckID":"_service_maintenance:web-1","Status":"critical","Notes":"new disk","ServiceID":"web-1"},
 "x":{"Node":"s1","CheckID":"x","Status":"passing"}}`

func everything() map[string]answer {
	return map[string]answer{
		"GET /v1/agent/members":                    {body: members3},
		"GET /v1/agent/self":                       {body: self1},
		"GET /v1/agent/version":                    {body: `{"SHA":"x","HumanVersion":"1.16.4"}`},
		"GET /v1/agent/host":                       {body: `{"Memory":{}}`},
		"GET /v1/agent/metrics":                    {body: `{"Gauges":[]}`},
		"GET /v1/agent/monitor":                    {body: "line one\nline two\n"},
		"GET /v1/agent/checks":                     {body: maintChecks},
		"GET /v1/agent/services":                   {body: `{"web-1":{"ID":"web-1","Service":"web"}}`},
		"GET /v1/catalog/datacenters":              {body: `["dc1","dc2"]`},
		"GET /v1/catalog/nodes":                    {body: nodes2},
		"GET /v1/catalog/services":                 {body: `{"web":["v2","v1"],"db":[]}`},
		"GET /v1/catalog/service/web":              {body: catalogWeb},
		"GET /v1/catalog/node-services/n1":         {body: nodeServices},
		"GET /v1/health/service/web":               {body: webEntries},
		"GET /v1/health/service/db":                {body: dbEntries},
		"GET /v1/health/service/none":              {body: `[]`},
		"GET /v1/health/checks/none":               {body: `[]`},
		"GET /v1/health/node/none":                 {body: `[]`},
		"GET /v1/health/state/any":                 {body: checks2},
		"GET /v1/health/state/critical":            {body: checks2},
		"GET /v1/health/checks/web":                {body: checks2},
		"GET /v1/health/node/n1":                   {body: checks2},
		"GET /v1/kv/app/color":                     {body: keyColor},
		"GET /v1/kv/app/":                          {body: keys2},
		"GET /v1/session/list":                     {body: session1},
		"GET /v1/session/node/n1":                  {body: session1},
		"GET /v1/session/info/8b1e":                {body: session1},
		"GET /v1/session/info/gone":                {body: `[]`},
		"PUT /v1/session/renew/8b1e":               {body: session1},
		"PUT /v1/session/renew/gone":               {status: 404, body: "Session id 'gone' not found"},
		"GET /v1/operator/raft/configuration":      {body: raft2},
		"GET /v1/operator/autopilot/configuration": {body: autopilotConf},
		"GET /v1/operator/autopilot/health":        {body: `{"Healthy":true}`},
		"GET /v1/operator/autopilot/state":         {body: autopilot1},
		"GET /v1/operator/usage":                   {body: usage1},
		"GET /v1/query":                            {body: query1},
		"GET /v1/query/9c2f":                       {body: query1},
		"GET /v1/query/web-near/execute":           {body: `{"Service":"web","Nodes":` + webEntries + `,"DNS":{"TTL":"10s"},"Datacenter":"dc1","Failovers":0}`},
		"GET /v1/query/empty/execute":              {body: `{"Service":"web","Nodes":[],"DNS":{"TTL":""},"Datacenter":"dc1","Failovers":0}`},
		"GET /v1/query/none/execute":               {status: 404, body: "Query not found"},
		"GET /v1/query/web-near/explain":           {body: `{"Query":{"ID":"9c2f","Name":"web-near","Service":{"Service":"web"}}}`},
		"GET /v1/event/list":                       {body: events2},
		"GET /v1/config/check-policy":              {body: policies2},
		"GET /v1/config/check-policy/web":          {body: `{"CreateIndex":9,"Guard":{"Share":0.30},"Kind":"check-policy","ModifyIndex":10,"Name":"web"}`},
		"GET /v1/config/check-policy/none":         {status: 404, body: `Config entry not found for "check-policy" / "none"`},
		"GET /v1/config/service-defaults":          {body: `[{"Kind":"service-defaults","Name":"api"},{"Kind":"service-defaults","Name":"web"}]`},
		"GET /v1/config/spaceship":                 {status: 500, body: "invalid config entry kind: spaceship", header: map[string]string{"X-Registryd-Error": "refused"}},
		"GET /v1/status/leader":                    {body: `"10.0.0.1:8300"`},
		"GET /v1/coordinate/node/s1":               {body: `[{"Node":"s1","Coord":{"Vec":[0.003,0],"Height":0.001,"Adjustment":0}}]`},
		"GET /v1/coordinate/node/s2":               {body: `[{"Node":"s2","Coord":{"Vec":[0,0.004],"Height":0.001,"Adjustment":0}}]`},
		"GET /v1/coordinate/node/none":             {status: 404},
		"GET /v1/coordinate/datacenters": {body: `[{"Datacenter":"dc1","Coordinates":[{"Node":"s1","Coord":{"Vec":[0],"Height":0.001}}]},
			{"Datacenter":"dc2","Coordinates":[{"Node":"s4.dc2","Coord":{"Vec":[0.01],"Height":0.001}}]}]`},
	}
}
