package registry

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func ttl(d time.Duration) *api.CheckRegistration {
	return &api.CheckRegistration{CheckDefinition: api.CheckDefinition{TTL: api.Duration(d)}}
}

func TestServicesThatAreRefused(t *testing.T) {
	many := map[string]string{}
	for i := range metaPairs + 1 {
		many[fmt.Sprint("k", i)] = ""
	}
	pair := func(k, v string) api.ServiceRegistration {
		return api.ServiceRegistration{Name: "web", Meta: map[string]string{k: v}}
	}
	checked := func(c api.CheckRegistration) api.ServiceRegistration {
		return api.ServiceRegistration{Name: "web", Check: &c}
	}
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		before := r.cons.proposals()
		for _, c := range []struct {
			s    api.ServiceRegistration
			text string
		}{
			{api.ServiceRegistration{}, "Missing service name"},
			{api.ServiceRegistration{ID: "web"}, "Missing service name"},
			{api.ServiceRegistration{Name: "web", Address: "0.0.0.0"}, "Invalid service address 0.0.0.0"},
			{api.ServiceRegistration{Name: "web", Address: "::"}, "Invalid service address ::"},
			{api.ServiceRegistration{Name: "web", TaggedAddresses: map[string]api.ServiceAddress{"lan": {Address: "0.0.0.0"}}}, "Invalid tagged address 0.0.0.0"},
			{api.ServiceRegistration{Name: "web", Meta: many}, "cannot contain more than 64"},
			{pair("", "v"), "Key cannot be blank"},
			{pair(strings.Repeat("k", metaKeyMax+1), "v"), "Key is too long"},
			{pair("k", strings.Repeat("v", metaValueMax+1)), "Value is too long"},
			{pair("consul-x", "v"), "reserved"},
			{pair("a b", "v"), "invalid characters"},
			{pair("é", "v"), "invalid characters"},
			{api.ServiceRegistration{Name: "web", Weights: &api.Weights{Passing: 0, Warning: 1}}, "Invalid Weights"},
			{api.ServiceRegistration{Name: "web", Weights: &api.Weights{Passing: 1, Warning: -1}}, "Invalid Weights"},
			{api.ServiceRegistration{Name: "web", Weights: &api.Weights{Passing: maxWeight + 1}}, "Invalid Weights"},
			{checked(api.CheckRegistration{}), "TTL must be > 0"},
			{checked(api.CheckRegistration{Status: "fine", CheckDefinition: ttl(1).CheckDefinition}), "status must be passing, warning or critical, not fine"},
			{checked(api.CheckRegistration{CheckDefinition: api.CheckDefinition{TCP: "x"}}), "Interval must be > 0"},
			{checked(api.CheckRegistration{CheckDefinition: api.CheckDefinition{TCP: "x", HTTP: "y", Interval: 1}}), "exactly one kind"},
		} {
			err := r.RegisterService(context.Background(), &c.s, false)
			require.ErrorIs(t, err, api.Invalid, c.text)
			require.ErrorContains(t, err, c.text)
		}
		require.Equal(t, before, r.cons.proposals(), "what is refused is not proposed")
		script := checked(api.CheckRegistration{CheckDefinition: api.CheckDefinition{Args: []string{"a"}, Interval: 1}})
		require.ErrorIs(t, r.RegisterService(context.Background(), &script, false), api.Refused)
	})
}

func TestServicesAsTheyAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		for _, c := range []struct {
			in   api.ServiceRegistration
			want api.Service
		}{
			{api.ServiceRegistration{Name: "bare"}, api.Service{ID: "bare", Service: "bare", Tags: []string{}, Weights: &api.Weights{Passing: 1, Warning: 1}}},
			{api.ServiceRegistration{Name: "web", ID: "w", Address: "10.0.0.1", Port: 80, Meta: map[string]string{}, Weights: &api.Weights{Passing: 9, Warning: 0}},
				api.Service{ID: "w", Service: "web", Tags: []string{}, Address: "10.0.0.1", Port: 80, Weights: &api.Weights{Passing: 9},
					TaggedAddresses: map[string]api.ServiceAddress{"lan_ipv4": {Address: "10.0.0.1", Port: 80}, "wan_ipv4": {Address: "10.0.0.1", Port: 80}}}},
			{api.ServiceRegistration{Name: "six", Address: "fe80::1", TaggedAddresses: map[string]api.ServiceAddress{"wan_ipv6": {Address: "a", Port: 1}}},
				api.Service{ID: "six", Service: "six", Tags: []string{}, Address: "fe80::1", Weights: &api.Weights{Passing: 1, Warning: 1},
					TaggedAddresses: map[string]api.ServiceAddress{"lan_ipv6": {Address: "fe80::1"}, "wan_ipv6": {Address: "a", Port: 1}}}},
			{api.ServiceRegistration{Name: "named", Address: "host.example"}, api.Service{ID: "named", Service: "named", Tags: []string{}, Address: "host.example", Weights: &api.Weights{Passing: 1, Warning: 1}}},
		} {
			require.NoError(t, r.RegisterService(context.Background(), &c.in, false))
			_, i := r.FindService(r.State(), c.want.ID)
			require.NotNil(t, i, c.want.ID)
			got := *i.Service
			got.CreateIndex, got.ModifyIndex = 0, 0
			if len(got.Meta) == 0 {
				got.Meta = nil
			}
			require.Equal(t, c.want, got)
		}
	})
}

func TestChecksOfAServiceGetIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		named := ttl(time.Minute)
		named.CheckID, named.Name, named.Status = "mine", "My check", api.Passing
		for _, c := range []struct {
			id     string
			checks []*api.CheckRegistration
			want   []string // ID, name and status
		}{
			{"one", []*api.CheckRegistration{ttl(1)}, []string{"service:one|Service 'one' check|critical"}},
			{"two", []*api.CheckRegistration{ttl(1), ttl(2)}, []string{"service:two:1|Service 'two' check|critical", "service:two:2|Service 'two' check|critical"}},
			{"mixed", []*api.CheckRegistration{named, ttl(2)}, []string{"mine|My check|passing", "service:mixed:2|Service 'mixed' check|critical"}},
		} {
			require.NoError(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: c.id, Checks: c.checks}, false))
			_, i := r.FindService(r.State(), c.id)
			var got []string
			for _, k := range i.OwnChecks {
				require.Equal(t, "ttl", k.Type)
				got = append(got, k.CheckID+"|"+k.Name+"|"+k.Status)
			}
			require.Equal(t, c.want, got)
		}
		_, i := r.FindService(r.State(), "one")
		require.NoError(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: "one", Check: named}, false))
		_, after := r.FindService(r.State(), "one")
		require.Len(t, i.OwnChecks, 1)
		require.Len(t, after.OwnChecks, 2, "checks that are not named stay")
		require.NoError(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: "one", Check: named}, true))
		_, after = r.FindService(r.State(), "one")
		require.Len(t, after.OwnChecks, 1, "unless they are to be replaced")
	})
}

func TestChecksOnTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		ctx := context.Background()
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web"}, false))
		r.addServer("s2", "id-2")
		r.do(instance("s2", "far", ""))
		tcp := api.CheckDefinition{TCP: "x:1", Interval: api.Duration(time.Second), Timeout: api.Duration(time.Minute)}
		for _, c := range []struct {
			in   api.CheckRegistration
			node string
			id   string
		}{
			{api.CheckRegistration{Name: "disk", CheckDefinition: ttl(1).CheckDefinition}, "s1", "disk"},
			{api.CheckRegistration{Name: "n", CheckID: "b", CheckDefinition: ttl(1).CheckDefinition}, "s1", "b"},
			{api.CheckRegistration{Name: "n", ID: "a", CheckID: "b", CheckDefinition: ttl(1).CheckDefinition}, "s1", "a"},
			{api.CheckRegistration{Name: "w", ServiceID: "web", CheckDefinition: tcp}, "s1", "w"},
			{api.CheckRegistration{Name: "f", ServiceID: "far", CheckDefinition: tcp}, "s2", "f"},
		} {
			require.NoError(t, r.RegisterCheck(ctx, &c.in))
			n, k := r.FindCheck(r.State(), c.id)
			require.NotNil(t, k, c.id)
			require.Equal(t, c.node, n.Node.Node, c.id)
			require.Equal(t, c.in.ServiceID, k.ServiceID)
		}
		_, k := r.FindCheck(r.State(), "w")
		require.Equal(t, "tcp 1s 1m0s web", strings.Join([]string{k.Type, k.Interval, k.Timeout, k.ServiceName}, " "))
		for _, c := range []struct {
			in   api.CheckRegistration
			kind api.Kind
		}{
			{api.CheckRegistration{CheckDefinition: tcp}, api.Invalid},
			{api.CheckRegistration{ID: "x", CheckDefinition: tcp}, api.Invalid},
			{api.CheckRegistration{Name: "x"}, api.Invalid},
			{api.CheckRegistration{Name: "x", ServiceID: "nobody", CheckDefinition: tcp}, api.NotFound},
		} {
			require.ErrorIs(t, r.RegisterCheck(ctx, &c.in), c.kind)
		}
	})
}

// TestBeforeTheServerIsInItsCatalog asks for what needs its node: the answer is
// one that clients try again.
func TestBeforeTheServerIsInItsCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, Config{})
		synctest.Wait()
		ctx := context.Background()
		_, err := r.CreateSession(ctx, &api.Session{})
		for _, err := range []error{
			err,
			r.RegisterService(ctx, &api.ServiceRegistration{Name: "web"}, false),
			r.RegisterCheck(ctx, &api.CheckRegistration{Name: "c", CheckDefinition: ttl(1).CheckDefinition}),
		} {
			require.ErrorIs(t, err, api.NoLeader)
		}
		_, err = r.CreateSession(ctx, &api.Session{TTL: "soon"})
		require.ErrorIs(t, err, api.Refused, "what is wrong will be wrong later, too")
		require.Zero(t, r.cons.proposals())
		r.do(&store.Register{Node: "other", Address: "a", Datacenter: "dc1"})
		_, err = r.CreateSession(ctx, &api.Session{Node: "other"})
		require.NoError(t, err)
	})
}
