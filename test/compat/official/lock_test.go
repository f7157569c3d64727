package official

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testLock(t *testing.T, w world) {
	lock, err := w.client().LockKey("lock/plain")
	require.NoError(t, err)
	lost, err := lock.Lock(nil)
	require.NoError(t, err)
	_, err = lock.Lock(nil)
	require.ErrorIs(t, err, api.ErrLockHeld)
	pair, _, err := w.client().KV().Get("lock/plain", nil)
	require.NoError(t, err)
	require.NotEmpty(t, pair.Session)
	require.EqualValues(t, uint64(api.LockFlagValue), pair.Flags)
	require.EqualValues(t, 1, pair.LockIndex)
	require.NoError(t, lock.Unlock())
	rig.Within(t, "the end of the lock's monitor", lost)
	require.ErrorIs(t, lock.Unlock(), api.ErrLockNotHeld)
	require.NoError(t, lock.Destroy())
	pair, _, err = w.client().KV().Get("lock/plain", nil)
	require.NoError(t, err)
	require.Nil(t, pair)
}

// Six programs want one lock, each several times: it is never held twice, and
// everybody gets it.
func testLockContention(t *testing.T, w world) {
	const programs, each = 6, 3
	var holders, turns atomic.Int32
	var tokens sync.Map
	var wg sync.WaitGroup
	for i := range programs {
		client := w.client()
		wg.Go(func() {
			for range each {
				lock, err := client.LockOpts(&api.LockOptions{Key: "lock/wanted", Value: []byte{byte(i)}, SessionName: "contender",
					SessionTTL: "30s", MonitorRetries: 3, LockWaitTime: 5 * time.Second, LockDelay: time.Millisecond})
				if err == nil {
					_, err = lock.Lock(nil)
				}
				if err != nil {
					t.Errorf("contender %d: %v", i, err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				if pair, _, err := client.KV().Get("lock/wanted", nil); err != nil || pair == nil {
					t.Errorf("read the held lock: %v", err)
				} else if _, seen := tokens.LoadOrStore(pair.LockIndex, true); seen {
					t.Errorf("two holders have the fencing token %d", pair.LockIndex)
				}
				turns.Add(1)
				holders.Add(-1)
				if err := lock.Unlock(); err != nil {
					t.Errorf("unlock: %v", err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, programs*each, turns.Load())
}

// Who loses its session learns of it, and another gets the lock.
func testLockLost(t *testing.T, w world) {
	first, err := w.client().LockOpts(&api.LockOptions{Key: "lock/lost", LockDelay: time.Millisecond})
	require.NoError(t, err)
	lost, err := first.Lock(nil)
	require.NoError(t, err)
	pair, _, err := w.client().KV().Get("lock/lost", nil)
	require.NoError(t, err)

	second, err := w.client().LockOpts(&api.LockOptions{Key: "lock/lost"})
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() {
		_, err := second.Lock(nil)
		got <- err
	}()
	_, err = w.client().Session().Destroy(pair.Session, nil)
	require.NoError(t, err)
	rig.Within(t, "the first learns of its loss", lost)
	require.NoError(t, rig.Within(t, "the second gets the lock", got))
	require.NoError(t, second.Unlock())
}

func testLockTryOnce(t *testing.T, w world) {
	held, err := w.client().LockKey("lock/busy")
	require.NoError(t, err)
	_, err = held.Lock(nil)
	require.NoError(t, err)
	other, err := w.client().LockOpts(&api.LockOptions{Key: "lock/busy", LockTryOnce: true, LockWaitTime: 100 * time.Millisecond})
	require.NoError(t, err)
	begin := time.Now()
	lost, err := other.Lock(nil)
	require.NoError(t, err)
	require.Nil(t, lost)
	require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond)

	// A wait that is called off.
	stop := make(chan struct{})
	close(stop)
	patient, err := w.client().LockKey("lock/busy")
	require.NoError(t, err)
	lost, err = patient.Lock(stop)
	require.NoError(t, err)
	require.Nil(t, lost)
	require.NoError(t, held.Unlock())
}

func testLockMisuse(t *testing.T, w world) {
	client := w.client()
	_, err := client.KV().Put(&api.KVPair{Key: "lock/foreign", Value: []byte("x"), Flags: 7}, nil)
	require.NoError(t, err)
	lock, err := client.LockKey("lock/foreign")
	require.NoError(t, err)
	_, err = lock.Lock(nil)
	require.ErrorIs(t, err, api.ErrLockConflict)

	holder, err := client.LockKey("lock/inuse")
	require.NoError(t, err)
	_, err = holder.Lock(nil)
	require.NoError(t, err)
	other, err := w.client().LockKey("lock/inuse")
	require.NoError(t, err)
	require.ErrorIs(t, other.Destroy(), api.ErrLockInUse)
	require.NoError(t, holder.Unlock())
	require.NoError(t, other.Destroy())
}

// Five programs share two places.
func testSemaphore(t *testing.T, w world) {
	const programs, places = 5, 2
	var inside atomic.Int32
	var wg sync.WaitGroup
	for i := range programs {
		client := w.client()
		wg.Go(func() {
			s, err := client.SemaphoreOpts(&api.SemaphoreOptions{Prefix: "sem/shared", Limit: places, SessionTTL: "30s", MonitorRetries: 3})
			if err == nil {
				_, err = s.Acquire(nil)
			}
			if err != nil {
				t.Errorf("program %d: %v", i, err)
				return
			}
			if n := inside.Add(1); n > places {
				t.Errorf("%d are inside", n)
			}
			if _, _, err := client.KV().Keys("sem/shared", "", nil); err != nil {
				t.Error(err)
			}
			inside.Add(-1)
			if err := s.Release(); err != nil {
				t.Errorf("release: %v", err)
			}
		})
	}
	wg.Wait()
	s, err := w.client().SemaphorePrefix("sem/shared", places)
	require.NoError(t, err)
	require.NoError(t, s.Destroy())
}

func testSemaphoreMisuse(t *testing.T, w world) {
	one, err := w.client().SemaphorePrefix("sem/one", 1)
	require.NoError(t, err)
	lost, err := one.Acquire(nil)
	require.NoError(t, err)
	_, err = one.Acquire(nil)
	require.ErrorIs(t, err, api.ErrSemaphoreHeld)
	other, err := w.client().SemaphoreOpts(&api.SemaphoreOptions{Prefix: "sem/one", Limit: 1, SemaphoreTryOnce: true, SemaphoreWaitTime: 100 * time.Millisecond})
	require.NoError(t, err)
	none, err := other.Acquire(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	wrong, err := w.client().SemaphorePrefix("sem/one", 2)
	require.NoError(t, err)
	_, err = wrong.Acquire(nil)
	require.ErrorContains(t, err, "limit conflict")
	require.ErrorIs(t, other.Destroy(), api.ErrSemaphoreInUse)
	require.NoError(t, one.Release())
	rig.Within(t, "the end of the semaphore's monitor", lost)
	require.ErrorIs(t, one.Release(), api.ErrSemaphoreNotHeld)
	require.NoError(t, one.Destroy())
}
