package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// mortal registers a service that goes a minute after its TTL of ten seconds is
// over.
func (r *testRegistry) mortal(id string) {
	r.t.Helper()
	require.NoError(r.t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: id, ID: id, Check: &api.CheckRegistration{CheckID: id, Status: api.Passing,
		CheckDefinition: api.CheckDefinition{TTL: api.Duration(10 * time.Second), DeregisterCriticalServiceAfter: api.Duration(time.Minute)}}}, false))
}

func (r *testRegistry) has(id string) bool {
	synctest.Wait()
	_, i := r.FindService(r.State(), id)
	return i != nil
}

func TestServiceGoesWhenItsCheckStaysCritical(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		time.Sleep(time.Minute) // the grace of a new leader is over
		r.mortal("gone")
		r.mortal("back")
		time.Sleep(40 * time.Second)
		require.NoError(t, r.Heartbeat(context.Background(), "", "back", api.Passing, ""))
		time.Sleep(30*time.Second - time.Millisecond)
		require.True(t, r.has("gone"), "it went early")
		time.Sleep(time.Second)
		require.False(t, r.has("gone"), "it is more than a second late")
		require.True(t, r.has("back"))
		require.Equal(t, api.Critical, r.status("back"))
		time.Sleep(38 * time.Second)
		require.True(t, r.has("back"), "it counts anew")
		time.Sleep(2 * time.Second)
		require.False(t, r.has("back"))
	})
}

func TestConfiguredMinimumIsLower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beatingWith(t, Config{DeregisterMin: time.Second})
		time.Sleep(time.Minute)
		require.NoError(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: "web", Check: &api.CheckRegistration{CheckID: "web",
			CheckDefinition: api.CheckDefinition{TTL: api.Duration(10 * time.Second), DeregisterCriticalServiceAfter: api.Duration(3 * time.Second)}}}, false))
		time.Sleep(13*time.Second - time.Millisecond)
		require.True(t, r.has("web"))
		time.Sleep(time.Second)
		require.False(t, r.has("web"))
	})
}

// TestNewLeaderLooksFirst: for an hour nobody leads. What is well by then is
// spared, what is not goes once it could have been reported.
func TestNewLeaderLooksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		r.mortal("dead")
		r.mortal("well")
		time.Sleep(30 * time.Second)
		require.Equal(t, api.Critical, r.status("well"))
		r.depose()
		time.Sleep(time.Hour)
		require.True(t, r.has("dead"))
		r.lead()
		time.Sleep(9 * time.Second)
		require.True(t, r.has("well"))
		require.NoError(t, r.Heartbeat(context.Background(), "", "well", api.Passing, ""))
		time.Sleep(4 * time.Second)
		require.False(t, r.has("dead"))
		require.True(t, r.has("well"))
	})
}

// TestDeadlineSurvivesAChangeOfLeader: another leads for the second half of the
// minute, and nothing is added to it.
func TestDeadlineSurvivesAChangeOfLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		r.mortal("web")
		time.Sleep(40 * time.Second)
		r.depose()
		time.Sleep(time.Second)
		r.lead()
		time.Sleep(29*time.Second - time.Millisecond)
		require.True(t, r.has("web"))
		time.Sleep(time.Second)
		require.False(t, r.has("web"))
	})
}
