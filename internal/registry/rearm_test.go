package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Registering again what another living server has gives its TTL its full time
// there, and changes nothing; a changed one moves here.
func TestRegisteringAgainElsewhereRearms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.addServer("s2", "id-2")
		reg := &api.ServiceRegistration{Name: "web", Address: "10.9.9.9", Port: 80, Check: ttl(time.Minute)}
		s, checks, err := r.serviceOf(reg, false)
		require.NoError(t, err)
		r.do(&store.Register{Node: "s2", SkipNodeUpdate: true, Service: s, Checks: checks, KeepStatus: true})
		calls := func() []string {
			r.cons.mu.Lock()
			defer r.cons.mu.Unlock()
			return append([]string(nil), r.cons.called...)
		}
		before, _ := r.State().Service("web")
		require.NoError(t, r.RegisterService(context.Background(), reg, false))
		after, _ := r.State().Service("web")
		require.Same(t, before, after)
		require.Equal(t, []string{"id-2 rearm"}, calls())

		reg.Port = 81
		require.NoError(t, r.RegisterService(context.Background(), reg, false))
		n, _ := r.FindService(r.State(), "web")
		require.Equal(t, "s1", n.Node.Node)
		require.Len(t, calls(), 1)
	})
}
