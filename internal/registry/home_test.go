package registry

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// What comes a moment before the server is in its catalog is not refused: test
// suites register as soon as there is a leader.
func TestRegistrationsWaitForTheServersNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, Config{})
		ctx := context.Background()
		done := make(chan error, 3)
		go func() { done <- r.RegisterService(ctx, &api.ServiceRegistration{Name: "web"}, false) }()
		go func() { _, err := r.CreateSession(ctx, &api.Session{}); done <- err }()
		go func() { done <- r.SetNodeMaintenance(ctx, true, "") }()
		synctest.Wait()
		require.Empty(t, done)
		r.do(r.selfCommand())
		for range 3 {
			require.NoError(t, <-done)
		}
		require.NotNil(t, r.OwnNode(r.State()).Instance("web"))

		gone, cancel := context.WithCancel(ctx)
		cancel()
		other := open(t, Config{})
		require.ErrorIs(t, other.RegisterService(gone, &api.ServiceRegistration{Name: "web"}, false), context.Canceled)
	})
}
