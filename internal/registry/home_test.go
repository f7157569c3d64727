package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

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
		r.elect()
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

// A request waits for as long as it is configured to, not longer.
func TestRegistrationsWaitForTheHoldTimeout(t *testing.T) {
	for _, c := range []struct{ configured, want time.Duration }{{0, 7 * time.Second}, {20 * time.Second, 20 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			r := open(t, Config{HoldTimeout: c.configured})
			begun := time.Now()
			require.ErrorIs(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: "web"}, false), api.NoLeader)
			require.Equal(t, c.want, time.Since(begun))
		})
	}
}
