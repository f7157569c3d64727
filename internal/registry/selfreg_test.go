package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestServerRegistersItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, Config{})
		time.Sleep(3 * retryDelay)
		require.Nil(t, r.OwnNode(r.State()), "there is no leader yet")
		r.lead()
		time.Sleep(2 * retryDelay)
		synctest.Wait()
		v := r.OwnNode(r.State())
		require.NotNil(t, v)
		require.Equal(t, "id-1", v.Node.ID)
		require.Equal(t, "127.0.0.1", v.Node.Address)
		require.Equal(t, api.Passing, v.Check(api.SerfHealth).Status)
		require.Equal(t, serfAlive, v.Check(api.SerfHealth).Output)
		require.Equal(t, 8300, v.Instance(store.ServerService).Service.Port)
	})
}

func TestServerIsRegisteredAgainWhenTheCatalogIsWrong(t *testing.T) {
	for name, spoil := range map[string]store.Command{
		"removed":         &store.Deregister{Node: "s1"},
		"other address":   &store.Register{ID: "id-1", Node: "s1", Address: "10.9.9.9", Datacenter: "dc1"},
		"service removed": &store.Deregister{Node: "s1", ServiceID: store.ServerService},
		"check removed":   &store.Deregister{Node: "s1", CheckID: api.SerfHealth},
		"marked failed":   &store.Liveness{Node: "s1"},
		"other metadata":  &store.Register{ID: "id-1", Node: "s1", Address: "127.0.0.1", Datacenter: "dc1", Meta: map[string]string{"a": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := started(t)
				before := r.cons.proposals()
				time.Sleep(3 * selfCheckEvery)
				require.Equal(t, before, r.cons.proposals(), "what is right costs no log entry")
				cmd := r.selfCommand()
				require.True(t, r.selfShown(r.OwnNode(r.State()), cmd))
				r.do(spoil)
				if v := r.OwnNode(r.State()); v != nil {
					require.False(t, r.selfShown(v, cmd))
				}
				time.Sleep(selfCheckEvery)
				synctest.Wait()
				require.True(t, r.selfShown(r.OwnNode(r.State()), cmd))
			})
		})
	}
}
