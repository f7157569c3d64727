package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// call is a row: what is called, what must be sent, what is answered, and what
// must come of it.
type call struct {
	name   string
	do     func(context.Context, *Client) (any, error)
	send   string // method, path and parameters
	body   string // JSON or text; "" means none
	status int    // 0 means 200
	reply  string
	want   any
	err    error
}

// runCalls plays rows against a server that answers as they say.
func runCalls(t *testing.T, rows []call) {
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					got, err := io.ReadAll(r.Body)
					if err != nil || r.Method+" "+r.RequestURI != tt.send || string(got) != tt.body {
						refuse(w, TooLarge, "wrong request: "+r.Method+" "+r.RequestURI+" "+string(got))
						return
					}
					w.Header().Set("X-Consul-Index", "7")
					w.WriteHeader(max(tt.status, 200))
					_, _ = io.WriteString(w, tt.reply)
				}))
				got, err := tt.do(t.Context(), n.client(t, nil, "a:1"))
				if tt.err != nil {
					require.ErrorIs(t, err, tt.err)
				} else {
					require.NoError(t, err)
				}
				if tt.want != nil {
					require.Equal(t, tt.want, got)
				}
			})
		})
	}
}

// Helpers that turn the shapes of calls into that of a row.
func only(err error) (any, error) { return nil, err }

func value[T any](v T, err error) (any, error) { return v, err }

func reading[T any](v T, meta QueryMeta, err error) (any, error) {
	if err == nil && meta.Index != 7 {
		return v, E(Internal, "index was lost")
	}
	return v, err
}

func TestCatalogCalls(t *testing.T) {
	runCalls(t, []call{
		{name: "register", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Catalog().Register(ctx, &CatalogRegistration{Node: "n", Address: "10.0.0.1", SkipNodeUpdate: true}))
		}, send: "PUT /v1/catalog/register", body: `{"Node":"n","Address":"10.0.0.1","SkipNodeUpdate":true}`, reply: "true"},
		{name: "deregister", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Catalog().Deregister(ctx, &CatalogDeregistration{Node: "n", ServiceID: "s"}))
		}, send: "PUT /v1/catalog/deregister", body: `{"Node":"n","ServiceID":"s"}`, reply: "true"},
		{name: "datacenters", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Catalog().Datacenters(ctx)) },
			send: "GET /v1/catalog/datacenters", reply: `["dc1"]`, want: []string{"dc1"}},
		{name: "nodes", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Catalog().Nodes(ctx, &QueryOptions{Near: "_agent"}))
		}, send: "GET /v1/catalog/nodes?near=_agent", reply: `[{"Node":"n"}]`, want: []*Node{{Node: "n"}}},
		{name: "services", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Catalog().Services(ctx, nil)) },
			send: "GET /v1/catalog/services", reply: `{"web":["a"]}`, want: map[string][]string{"web": {"a"}}},
		{name: "service", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Catalog().Service(ctx, "a b/ü", nil))
		}, send: "GET /v1/catalog/service/a%20b/%C3%BC", reply: `[{"ServiceID":"x","ServicePort":80}]`,
			want: []*CatalogService{{ServiceID: "x", ServicePort: 80}}},
		{name: "service without name", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Catalog().Service(ctx, "", nil))
		}, err: Invalid},
		{name: "node", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Catalog().Node(ctx, "n", nil)) },
			send: "GET /v1/catalog/node-services/n", reply: `{"Node":{"Node":"n"},"Services":[{"ID":"x"}]}`,
			want: &NodeServices{Node: &Node{Node: "n"}, Services: []*Service{{ID: "x"}}}},
		{name: "node unknown", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Catalog().Node(ctx, "n", nil)) },
			send: "GET /v1/catalog/node-services/n", reply: `{"Node":null,"Services":null}`, err: NotFound},
	})
}

func TestHealthCalls(t *testing.T) {
	runCalls(t, []call{
		{name: "service", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Health().Service(ctx, "web", &QueryOptions{Passing: true}))
		}, send: "GET /v1/health/service/web?passing=1", reply: `[{"Node":{"Node":"n"},"Service":{"ID":"x"},"Checks":[{"Status":"passing"}]}]`,
			want: []*Entry{{Node: &Node{Node: "n"}, Service: &Service{ID: "x"}, Checks: []*Check{{Status: Passing}}}}},
		{name: "node", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Health().Node(ctx, "n", nil)) },
			send: "GET /v1/health/node/n", reply: `[]`, want: []*Check{}},
		{name: "checks", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Health().Checks(ctx, "web", nil)) },
			send: "GET /v1/health/checks/web", reply: `[{"CheckID":"c","Interval":"10s","Definition":{"Interval":"10s","Timeout":"0s"}}]`,
			want: []*Check{{CheckID: "c", Interval: "10s", Definition: &CheckDefinition{Interval: Duration(10 * time.Second)}}}},
		{name: "state", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Health().State(ctx, AnyState, nil))
		}, send: "GET /v1/health/state/any", reply: `[]`},
	})
}

func TestHistoryCalls(t *testing.T) {
	event := &HistoryEvent{Index: 7, Time: time.Unix(1, 0).UTC(), Kind: HistoryMoved, Node: "n", ServiceID: "a", Service: "web", From: "m", To: "n"}
	reply := `[{"Index":7,"Time":"1970-01-01T00:00:01Z","Kind":"moved","Node":"n","ServiceID":"a","Service":"web","CheckID":"","From":"m","To":"n","Reason":"","Server":"","Client":""}]`
	runCalls(t, []call{
		{name: "all", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.History().All(ctx, &QueryOptions{Limit: 2}))
		}, send: "GET /v1/history?limit=2", reply: reply, want: []*HistoryEvent{event}},
		{name: "service", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.History().Service(ctx, "a b", &QueryOptions{Index: 7, After: 7}))
		}, send: "GET /v1/history/service/a%20b?after=7&index=7", reply: reply, want: []*HistoryEvent{event}},
		{name: "node", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.History().Node(ctx, "n", nil)) },
			send: "GET /v1/history/node/n", reply: `[]`, want: []*HistoryEvent{}},
		{name: "service without name", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.History().Service(ctx, "", nil))
		}, err: Invalid},
		{name: "node without name", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.History().Node(ctx, "", nil)) }, err: Invalid},
	})
}

func TestKVCalls(t *testing.T) {
	pair := &KVPair{Key: "a/b c", Value: []byte("hi"), Flags: 3, ModifyIndex: 9, Session: "s"}
	runCalls(t, []call{
		{name: "get", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.KV().Get(ctx, "a/b c", nil)) },
			send: "GET /v1/kv/a/b%20c", reply: `[{"Key":"a/b c","Value":"aGk=","Flags":18446744073709551615}]`,
			want: &KVPair{Key: "a/b c", Value: []byte("hi"), Flags: 1<<64 - 1}},
		{name: "get nothing", do: func(ctx context.Context, c *Client) (any, error) {
			_, meta, err := c.KV().Get(ctx, "k", nil)
			return meta.Index, err
		}, send: "GET /v1/kv/k", status: 404, err: NotFound, want: uint64(7)},
		{name: "get unnamed", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.KV().Get(ctx, "", nil)) }, err: Invalid},
		{name: "list", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.KV().List(ctx, "a/", nil)) },
			send: "GET /v1/kv/a/?recurse=", reply: `[{"Key":"a/1","Value":null}]`, want: []*KVPair{{Key: "a/1"}}},
		{name: "list nothing", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.KV().List(ctx, "a/", nil)) },
			send: "GET /v1/kv/a/?recurse=", status: 404, want: []*KVPair(nil)},
		{name: "keys", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.KV().Keys(ctx, "", "/", nil)) },
			send: "GET /v1/kv/?keys=&separator=%2F", reply: `["a/"]`, want: []string{"a/"}},
		{name: "put", do: func(ctx context.Context, c *Client) (any, error) { return only(c.KV().Put(ctx, pair)) },
			send: "PUT /v1/kv/a/b%20c?flags=3", body: "hi", reply: "true"},
		{name: "put empty", do: func(ctx context.Context, c *Client) (any, error) { return only(c.KV().Put(ctx, &KVPair{Key: "k"})) },
			send: "PUT /v1/kv/k", reply: "true"},
		{name: "put refused", do: func(ctx context.Context, c *Client) (any, error) { return only(c.KV().Put(ctx, &KVPair{Key: "k"})) },
			send: "PUT /v1/kv/k", reply: "false", err: Internal},
		{name: "cas", do: func(ctx context.Context, c *Client) (any, error) { return value(c.KV().CAS(ctx, pair)) },
			send: "PUT /v1/kv/a/b%20c?cas=9&flags=3", body: "hi", reply: "false", want: false},
		{name: "acquire", do: func(ctx context.Context, c *Client) (any, error) { return value(c.KV().Acquire(ctx, pair)) },
			send: "PUT /v1/kv/a/b%20c?acquire=s&flags=3", body: "hi", reply: "true", want: true},
		{name: "release", do: func(ctx context.Context, c *Client) (any, error) { return value(c.KV().Release(ctx, pair)) },
			send: "PUT /v1/kv/a/b%20c?flags=3&release=s", body: "hi", reply: "true", want: true},
		{name: "delete", do: func(ctx context.Context, c *Client) (any, error) { return only(c.KV().Delete(ctx, "k")) },
			send: "DELETE /v1/kv/k", reply: "true"},
		{name: "delete unnamed", do: func(ctx context.Context, c *Client) (any, error) { return only(c.KV().Delete(ctx, "")) }, err: Invalid},
		{name: "delete cas", do: func(ctx context.Context, c *Client) (any, error) { return value(c.KV().DeleteCAS(ctx, "k", 9)) },
			send: "DELETE /v1/kv/k?cas=9", reply: "false", want: false},
		{name: "delete tree", do: func(ctx context.Context, c *Client) (any, error) { return only(c.KV().DeleteTree(ctx, "a/")) },
			send: "DELETE /v1/kv/a/?recurse=", reply: "true"},
	})
}

func TestSessionCalls(t *testing.T) {
	runCalls(t, []call{
		{name: "create plain", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Sessions().Create(ctx, nil)) },
			send: "PUT /v1/session/create", body: `{}`, reply: `{"ID":"x"}`, want: "x"},
		{name: "create", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Sessions().Create(ctx, &SessionRequest{Name: "n", Node: "m", TTL: 30 * time.Second, LockDelay: -1,
				Behavior: SessionDelete, NodeChecks: []string{}, ServiceChecks: []ServiceCheck{{ID: "c"}}}))
		}, send: "PUT /v1/session/create",
			body:  `{"Behavior":"delete","LockDelay":"0s","Name":"n","Node":"m","NodeChecks":[],"ServiceChecks":[{"ID":"c","Namespace":""}],"TTL":"30s"}`,
			reply: `{"ID":"x"}`},
		{name: "destroy", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Sessions().Destroy(ctx, "x")) },
			send: "PUT /v1/session/destroy/x", reply: "true"},
		{name: "renew", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Sessions().Renew(ctx, "x")) },
			send: "PUT /v1/session/renew/x", reply: `[{"ID":"x","TTL":"30s"}]`, want: &Session{ID: "x", TTL: "30s"}},
		{name: "renew gone", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Sessions().Renew(ctx, "x")) },
			send: "PUT /v1/session/renew/x", status: 404, reply: "session id not found", err: NotFound},
		{name: "info", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Sessions().Info(ctx, "x", nil)) },
			send: "GET /v1/session/info/x", reply: `[{"ID":"x","LockDelay":15000000000}]`, want: &Session{ID: "x", LockDelay: 15e9}},
		{name: "info gone", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Sessions().Info(ctx, "x", nil)) },
			send: "GET /v1/session/info/x", reply: `[]`, err: NotFound},
		{name: "list", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Sessions().List(ctx, nil)) },
			send: "GET /v1/session/list", reply: `[{"ID":"x"}]`},
		{name: "of a node", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Sessions().Node(ctx, "n", nil)) },
			send: "GET /v1/session/node/n", reply: `[]`},
	})
}

func TestTxnCalls(t *testing.T) {
	ops := []*TxnOp{{KV: &TxnKVOp{Verb: TxnSet, Key: "k", Value: []byte("v")}}, {KV: &TxnKVOp{Verb: TxnGet, Key: "k"}}}
	body := `[{"KV":{"Verb":"set","Key":"k","Value":"dg=="}},{"KV":{"Verb":"get","Key":"k"}}]`
	runCalls(t, []call{
		{name: "done", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Txn(ctx, ops, nil)) },
			send: "PUT /v1/txn", body: body, reply: `{"Results":[{"KV":{"Key":"k"}},{"Service":{"ID":"s"}}],"Errors":null}`,
			want: &TxnResponse{Results: []*TxnResult{{KV: &KVPair{Key: "k"}}, {Service: &Service{ID: "s"}}}}},
		{name: "rolled back", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Txn(ctx, ops, nil)) },
			send: "PUT /v1/txn", body: body, status: 409, reply: `{"Results":null,"Errors":[{"OpIndex":1,"What":"no such key"}]}`,
			want: &TxnResponse{Errors: []*TxnError{{OpIndex: 1, What: "no such key"}}}, err: Conflict},
		{name: "empty", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Txn(ctx, nil, nil)) },
			send: "PUT /v1/txn", body: `[]`, reply: `{"Results":[],"Errors":null}`},
	})
	require.False(t, readsOnly(ops))
	require.True(t, readsOnly(ops[1:]))
	require.False(t, readsOnly([]*TxnOp{{Session: &TxnSessionOp{Verb: TxnDelete}}}))
}

func TestOtherCalls(t *testing.T) {
	def := &PreparedQuery{ID: "q", Name: "n"}
	runCalls(t, []call{
		{name: "fire", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Events().Fire(ctx, &UserEvent{Name: "e", Payload: []byte("p"), ServiceFilter: "web"}))
		}, send: "PUT /v1/event/fire/e?service=web", body: "p", reply: `{"ID":"x"}`, want: "x"},
		{name: "events", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Events().List(ctx, "e", nil)) },
			send: "GET /v1/event/list?name=e", reply: `[{"ID":"x","Payload":"cA=="}]`, want: []*UserEvent{{ID: "x", Payload: []byte("p")}}},
		{name: "query get", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Queries().Get(ctx, "q", nil)) },
			send: "GET /v1/query/q", reply: `[{"ID":"q","Name":"n"}]`, want: def},
		{name: "query list", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Queries().List(ctx, nil)) },
			send: "GET /v1/query", reply: `[{"ID":"q","Name":"n"}]`, want: []*PreparedQuery{def}},
		{name: "query delete", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Queries().Delete(ctx, "q")) },
			send: "DELETE /v1/query/q"},
		{name: "query update unnamed", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Queries().Update(ctx, &PreparedQuery{}))
		}, err: Invalid},
		{name: "query execute", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Queries().Execute(ctx, "n", &QueryOptions{Limit: 2}))
		}, send: "GET /v1/query/n/execute?limit=2", reply: `{"Service":"web","Nodes":[],"DNS":{"TTL":"7s"}}`,
			want: &QueryResult{Service: "web", Nodes: []*Entry{}, DNS: QueryDNS{TTL: "7s"}}},
		{name: "query explain", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Queries().Explain(ctx, "n", nil)) },
			send: "GET /v1/query/n/explain", reply: `{"Query":{"ID":"q","Name":"n"}}`, want: def},
		{name: "policy set", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.CheckPolicies().Set(ctx, &CheckPolicy{Name: "web", Guard: &CheckGuard{Share: 0.5, Hold: Duration(time.Minute)}}))
		}, send: "PUT /v1/config", body: `{"Kind":"check-policy","Name":"web","Guard":{"Share":0.5,"Hold":"1m0s"},"CreateIndex":0,"ModifyIndex":0}`, reply: "true"},
		{name: "policy get", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.CheckPolicies().Get(ctx, "*", nil))
		},
			send: "GET /v1/config/check-policy/%2A", reply: `{"Kind":"check-policy","Name":"*"}`, want: &CheckPolicy{Kind: "check-policy", Name: "*"}},
		{name: "policy list", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.CheckPolicies().List(ctx, nil)) },
			send: "GET /v1/config/check-policy", reply: `[{"Name":"web"}]`, want: []*CheckPolicy{{Name: "web"}}},
		{name: "policy delete", do: func(ctx context.Context, c *Client) (any, error) { return only(c.CheckPolicies().Delete(ctx, "web")) },
			send: "DELETE /v1/config/check-policy/web", reply: "{}"},
		{name: "policy unnamed", do: func(ctx context.Context, c *Client) (any, error) { return only(c.CheckPolicies().Delete(ctx, "")) }, err: Invalid},
		{name: "coordinate", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Coordinates().Node(ctx, "n", nil)) },
			send: "GET /v1/coordinate/node/n", reply: `[{"Node":"n","Coord":{"Vec":[1]}}]`,
			want: []*CoordinateEntry{{Node: "n", Coord: &Coordinate{Vec: []float64{1}}}}},
		{name: "coordinate none", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Coordinates().Node(ctx, "n", nil)) },
			send: "GET /v1/coordinate/node/n", status: 404, err: NotFound},
		{name: "coordinates", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Coordinates().Nodes(ctx, nil)) },
			send: "GET /v1/coordinate/nodes", reply: `[]`},
		{name: "coordinate datacenters", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Coordinates().Datacenters(ctx)) },
			send: "GET /v1/coordinate/datacenters", reply: `[{"Datacenter":"dc1","AreaID":"wan","Coordinates":[{"Node":"n"}]}]`,
			want: []*DatacenterCoordinates{{Datacenter: "dc1", AreaID: "wan", Coordinates: []CoordinateEntry{{Node: "n"}}}}},
		{name: "coordinate update", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Coordinates().Update(ctx, &CoordinateEntry{Node: "n"}))
		}, send: "PUT /v1/coordinate/update", body: `{"Node":"n","Segment":"","Coord":null}`},
		{name: "leader", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Status().Leader(ctx)) },
			send: "GET /v1/status/leader", reply: `"10.0.0.1:8300"`, want: "10.0.0.1:8300"},
		{name: "peers", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Status().Peers(ctx)) },
			send: "GET /v1/status/peers", reply: `["10.0.0.1:8300"]`, want: []string{"10.0.0.1:8300"}},
		{name: "roots", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.CA().Roots(ctx, nil)) },
			send: "GET /v1/agent/connect/ca/roots", reply: `{"ActiveRootID":"r","Roots":[{"ID":"r","Active":true}]}`,
			want: &CARoots{ActiveRootID: "r", Roots: []*CARoot{{ID: "r", Active: true}}}},
		{name: "leaf", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.CA().Leaf(ctx, "web", nil)) },
			send: "GET /v1/agent/connect/ca/leaf/web", reply: `{"Service":"web"}`, want: &LeafCert{Service: "web"}},
	})
}

func TestClientDefaultsReachTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var got *http.Request
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r
			answer(w, 200, 0, "[]")
		}))
		c := n.client(t, func(c *Config) { c.Token, c.Datacenter, c.Username, c.Password = "t", "dc2", "me", "pw" }, "http://a:1/prefix")
		list := func(c *Client, q *QueryOptions) {
			_, _, err := c.Catalog().Nodes(t.Context(), q)
			require.NoError(t, err)
		}
		list(c, nil)
		require.Equal(t, "/prefix/v1/catalog/nodes?dc=dc2", got.RequestURI)
		require.Equal(t, "t", got.Header.Get("X-Consul-Token"))
		user, pw, _ := got.BasicAuth()
		require.Equal(t, "me:pw", user+":"+pw)

		list(c.WithToken("u").WithDatacenter("dc3"), nil)
		require.Equal(t, "dc3", got.URL.Query().Get("dc"))
		require.Equal(t, "u", got.Header.Get("X-Consul-Token"))

		list(c, &QueryOptions{Token: "v", Datacenter: "dc4"})
		require.Equal(t, "dc4", got.URL.Query().Get("dc"))
		require.Equal(t, "v", got.Header.Get("X-Consul-Token"))
	})
}

func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var restored []string
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 3)
			refuse(w, NoLeader, "no cluster leader")
		}))
		n.serve(t, "b:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.Header().Set("X-Consul-Index", "9")
				_, _ = io.WriteString(w, "archive")
				return
			}
			b, _ := io.ReadAll(r.Body)
			restored = append(restored, string(b))
		}))
		fresh := func() *Client {
			return n.client(t, func(c *Config) { c.RetryTime = -1 }, "gone:1", "a:1", "b:1")
		}
		body, meta, err := fresh().Snapshots().Save(t.Context(), nil)
		require.NoError(t, err)
		b, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		require.Equal(t, "archive", string(b))
		require.Equal(t, uint64(9), meta.Index)

		require.NoError(t, fresh().Snapshots().Restore(t.Context(), strings.NewReader("archive")), "a reader that seeks is sent again")
		err = fresh().Snapshots().Restore(t.Context(), io.MultiReader(strings.NewReader("archive")))
		require.ErrorIs(t, err, NoLeader, "one that does not cannot be: the first server's word stands")
		require.Equal(t, []string{"archive"}, restored)
	})
}
