package official

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testSessions(t *testing.T, w world) {
	session := func() *api.Session { return w.client().Session() }
	id, _, err := w.home().Session().Create(&api.SessionEntry{Name: "work", TTL: "30s", Behavior: api.SessionBehaviorDelete, LockDelay: 5 * time.Second}, nil)
	require.NoError(t, err)
	entry, meta, err := session().Info(id, nil)
	require.NoError(t, err)
	require.NotZero(t, meta.LastIndex)
	require.Equal(t, "work", entry.Name)
	require.Equal(t, "30s", entry.TTL)
	require.Equal(t, api.SessionBehaviorDelete, entry.Behavior)
	require.Equal(t, 5*time.Second, entry.LockDelay)
	node, err := w.home().Agent().NodeName()
	require.NoError(t, err)
	require.Equal(t, node, entry.Node)

	ids := func(list []*api.SessionEntry) (l []string) {
		for _, s := range list {
			l = append(l, s.ID)
		}
		return l
	}
	list, _, err := session().List(nil)
	require.NoError(t, err)
	require.Contains(t, ids(list), id)
	list, _, err = session().Node(node, nil)
	require.NoError(t, err)
	require.Contains(t, ids(list), id)

	renewed, _, err := session().Renew(id, nil)
	require.NoError(t, err)
	require.Equal(t, id, renewed.ID)
	// Behavior delete takes the key along.
	ok, _, err := w.client().KV().Acquire(&api.KVPair{Key: "session/held", Value: []byte("x"), Session: id}, nil)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = session().Destroy(id, nil)
	require.NoError(t, err)
	pair, _, err := w.client().KV().Get("session/held", nil)
	require.NoError(t, err)
	require.Nil(t, pair)
	entry, _, err = session().Info(id, nil)
	require.NoError(t, err)
	require.Nil(t, entry)
	renewed, _, err = session().Renew(id, nil)
	require.NoError(t, err)
	require.Nil(t, renewed)
	_, err = session().Destroy(id, nil)
	require.NoError(t, err)

	// Renewed in the background until told to stop, then destroyed.
	id, _, err = session().CreateNoChecks(&api.SessionEntry{TTL: "10s"}, nil)
	require.NoError(t, err)
	stop, done := make(chan struct{}), make(chan error, 1)
	client := w.client()
	go func() { done <- client.Session().RenewPeriodic("10s", id, nil, stop) }()
	close(stop)
	require.NoError(t, rig.Within(t, "the end of renewing", done))
	entry, _, err = session().Info(id, nil)
	require.NoError(t, err)
	require.Nil(t, entry)
}

// A session that nobody renews ends late, never early.
func testSessionExpiry(t *testing.T, w world) {
	const ttl = time.Second
	begin := time.Now()
	id, _, err := w.client().Session().Create(&api.SessionEntry{TTL: ttl.String(), LockDelay: time.Millisecond}, nil)
	require.NoError(t, err)
	ok, _, err := w.client().KV().Acquire(&api.KVPair{Key: "expiry/held", Session: id}, nil)
	require.NoError(t, err)
	require.True(t, ok)
	rig.Eventually(t, "the session expires", func() error {
		pair, _, err := w.client().KV().Get("expiry/held", nil)
		if err == nil && pair.Session != "" {
			err = fmt.Errorf("%s still holds the key", pair.Session)
		}
		return err
	})
	require.GreaterOrEqual(t, time.Since(begin), ttl)
	entry, _, err := w.client().Session().Info(id, nil)
	require.NoError(t, err)
	require.Nil(t, entry)
}

// A session ends with a check it is tied to.
func testSessionChecks(t *testing.T, w world) {
	client := w.home()
	require.NoError(t, client.Agent().ServiceRegister(&api.AgentServiceRegistration{ID: "tied-1", Name: "tied",
		Check: &api.AgentServiceCheck{CheckID: "tied:alive", TTL: "1h", Status: api.HealthPassing}}))
	id, _, err := client.Session().Create(&api.SessionEntry{NodeChecks: []string{"serfHealth"},
		ServiceChecks: []api.ServiceCheck{{ID: "tied:alive"}}, LockDelay: time.Millisecond}, nil)
	require.NoError(t, err)
	ok, _, err := w.client().KV().Acquire(&api.KVPair{Key: "tied/held", Session: id}, nil)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, client.Agent().FailTTL("tied:alive", "gone"))
	pair, _, err := w.client().KV().Get("tied/held", nil)
	require.NoError(t, err)
	require.Empty(t, pair.Session)
	_, _, err = client.Session().Create(&api.SessionEntry{ServiceChecks: []api.ServiceCheck{{ID: "tied:alive"}}}, nil)
	require.ErrorContains(t, err, "critical")
	require.NoError(t, client.Agent().ServiceDeregister("tied-1"))
}
