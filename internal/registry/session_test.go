package registry

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func (r *testRegistry) session(ttl string) string {
	r.t.Helper()
	id, err := r.CreateSession(context.Background(), &api.Session{TTL: ttl})
	require.NoError(r.t, err)
	return id
}

func (r *testRegistry) renew(id string) *api.Session {
	r.t.Helper()
	s, err := r.RenewSession(context.Background(), id)
	require.NoError(r.t, err)
	return s
}

// started returns a leading registry that has come to rest.
func started(t *testing.T) *testRegistry {
	r := open(t, Config{})
	r.lead()
	synctest.Wait()
	// Until it has published its coordinate, the last thing a start does.
	for len(r.State().NodeCoordinates("s1")) == 0 {
		time.Sleep(time.Second)
		synctest.Wait()
	}
	return r
}

func TestSessionEndsLateAndNeverEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		id, kept, free := r.session("10s"), r.session("10s"), r.session("")
		time.Sleep(8 * time.Second)
		require.Equal(t, kept, r.renew(kept).ID)
		require.Equal(t, free, r.renew(free).ID)
		time.Sleep(2*time.Second - time.Millisecond)
		require.NotNil(t, r.State().Session(id), "it ended early")
		time.Sleep(time.Second)
		require.Nil(t, r.State().Session(id), "it is more than a second late")
		require.Nil(t, r.renew(id))
		time.Sleep(7 * time.Second)
		require.NotNil(t, r.State().Session(kept), "it ended early, counted from its renewal")
		time.Sleep(time.Second)
		require.Nil(t, r.State().Session(kept))
		require.NotNil(t, r.State().Session(free))
	})
}

func TestRenewalWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		id := r.session("10s")
		time.Sleep(time.Second)
		synctest.Wait()
		before := r.cons.proposals()
		for range 100 {
			require.NotNil(t, r.renew(id))
		}
		require.Equal(t, before, r.cons.proposals())
	})
}

func TestNewLeaderGivesEverySessionItsFullTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		id := r.session("10s")
		time.Sleep(9 * time.Second)
		r.depose()
		time.Sleep(5 * time.Second)
		require.NotNil(t, r.State().Session(id), "nobody leads, nobody may end it")
		_, err := r.RenewSession(context.Background(), id)
		require.ErrorIs(t, err, api.NotLeader)
		r.lead()
		time.Sleep(10*time.Second - time.Millisecond)
		require.NotNil(t, r.State().Session(id))
		time.Sleep(time.Second)
		require.Nil(t, r.State().Session(id))
	})
}

func TestManySessionsEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		for range 3*store.MaxTxnOps + 5 {
			r.session("10s")
		}
		synctest.Wait()
		before := r.cons.proposals()
		time.Sleep(11 * time.Second)
		require.Zero(t, r.State().SessionCount())
		require.Less(t, r.cons.proposals()-before, 10, "they end in a few commands")
	})
}

func TestSessionThatIsDestroyedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		id := r.session("10s")
		time.Sleep(time.Second)
		require.NoError(t, r.DestroySession(context.Background(), id))
		time.Sleep(time.Second)
		require.Zero(t, r.deadlines.count())
	})
}

func TestSessionFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		for _, c := range []struct {
			s    api.Session
			want string // of the error, empty for none
		}{
			{api.Session{}, ""},
			{api.Session{TTL: "0s"}, ""},
			{api.Session{TTL: "10s", Behavior: "delete"}, ""},
			{api.Session{TTL: "9999ms"}, "Invalid Session TTL '9999000000', must be between [10s=24h0m0s]"},
			{api.Session{TTL: "24h1s"}, "Invalid Session TTL '86401000000000', must be between [10s=24h0m0s]"},
			{api.Session{TTL: "-20s"}, "Invalid Session TTL '-20000000000', must be between [10s=24h0m0s]"},
			{api.Session{TTL: "soon"}, `Session TTL 'soon' invalid: time: invalid duration "soon"`},
			{api.Session{Behavior: "explode"}, "Invalid Behavior setting 'explode'"},
			{api.Session{Node: "nobody"}, "Missing node registration"},
		} {
			_, err := r.CreateSession(context.Background(), &c.s)
			if c.want == "" {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, api.Refused)
			require.EqualError(t, err, c.want)
		}
	})
}

func TestOldDeletionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		ok, err := r.ChangeKey(context.Background(), &store.KV{Verb: store.KVSet, Pair: api.KVPair{Key: "k"}})
		require.True(t, ok && err == nil, fmt.Sprint(err))
		r.do(&store.KV{Verb: store.KVDelete, Pair: api.KVPair{Key: "k"}})
		_, before, _ := r.State().Key("k")
		time.Sleep(tombstoneTTL - time.Second)
		require.NotZero(t, r.State().OldestGrave())
		time.Sleep(2*tombstonePace + time.Second)
		require.Zero(t, r.State().OldestGrave())
		_, after, _ := r.State().Key("k")
		require.GreaterOrEqual(t, after, before)
	})
}

func TestAbandonedUploadIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.do(&store.RestorePart{Upload: "u", Data: []byte("x")})
		time.Sleep(uploadPatience)
		_, parts := r.State().Uploading()
		require.Equal(t, 1, parts)
		time.Sleep(2 * tombstonePace)
		_, parts = r.State().Uploading()
		require.Zero(t, parts)
	})
}
