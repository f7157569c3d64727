package checks

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestTTLExpiresExactlyAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		start := time.Now()
		r.Reconcile([]*api.Check{ttlCheck("a", 10*time.Second, api.Passing)}, nil)

		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		require.Empty(t, rec.take())
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		seen := rec.take()
		require.Len(t, seen, 1)
		require.Equal(t, named("a"), seen[0].ID)
		require.Equal(t, api.Critical, seen[0].Status)
		require.Equal(t, "TTL expired", seen[0].Output)
		require.WithinDuration(t, start.Add(10*time.Second), seen[0].At, time.Millisecond)

		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, rec.take())
	})
}

func TestHeartbeatPutsExpiryOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		r.Reconcile([]*api.Check{ttlCheck("a", 10*time.Second, api.Critical)}, nil)

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "fine", ""))
		synctest.Wait()
		require.Equal(t, []string{"passing: fine"}, rec.said())
		for range 20 {
			time.Sleep(9 * time.Second)
			require.NoError(t, r.Heartbeat(named("a"), api.Passing, "fine", ""))
		}
		synctest.Wait()
		require.Empty(t, rec.take(), "a heartbeat that says nothing new is not sent")

		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"critical: TTL expired (last output before timeout follows): fine"}, rec.said())

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "back", ""))
		synctest.Wait()
		require.Equal(t, []string{"passing: back"}, rec.said())
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		require.Len(t, rec.take(), 1, "the TTL runs again after a late heartbeat")
	})
}

func TestOutputAloneIsSentLateAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit, OutputInterval: 4 * time.Minute})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Passing)}, nil)

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "one", ""))
		time.Sleep(time.Minute)
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "two", ""))
		status, output, ok := r.Snapshot(named("a"))
		require.True(t, ok)
		require.Equal(t, "passing two", status+" "+output, "a look at the runner shows it at once")
		synctest.Wait()
		require.Empty(t, rec.take())
		time.Sleep(3*time.Minute + time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"passing: two"}, rec.said())

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "three", ""))
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "two", ""))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.Empty(t, rec.take(), "an output that is as it was is not sent")

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "four", ""))
		require.NoError(t, r.Heartbeat(named("a"), api.Warning, "five", ""))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"warning: five"}, rec.said(), "a new status takes the output along")
	})
}

func TestOutputSettings(t *testing.T) {
	long := strings.Repeat("x", 5000)
	own := ttlCheck("a", time.Hour, api.Critical)
	own.Probe.OutputMaxSize = 10
	for name, c := range map[string]struct {
		cfg    Config
		check  *api.Check
		output string
		want   string
	}{
		"cut to the default":          {Config{}, ttlCheck("a", time.Hour, api.Critical), long, long[:4096] + " ... (captured 4096 of 5000 bytes)"},
		"cut to its own limit":        {Config{}, own, "0123456789abcdef", "0123456789 ... (captured 10 of 16 bytes)"},
		"the server's limit is upper": {Config{OutputMax: 4}, own, "0123456789", "0123 ... (captured 4 of 10 bytes)"},
		"no character is split":       {Config{OutputMax: 4}, own, "abcäöü", "abc ... (captured 4 of 9 bytes)"},
		"short stays":                 {Config{}, own, "0123456789", "0123456789"},
		"discarded":                   {Config{DiscardOutput: true}, own, "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t, c.cfg)
			r.Reconcile([]*api.Check{c.check}, nil)
			require.NoError(t, r.Heartbeat(named("a"), api.Passing, c.output, ""))
			_, output, _ := r.Snapshot(named("a"))
			require.Equal(t, c.want, output)
		})
	}
}

func TestOutputAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit, OutputInterval: -1})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Passing)}, nil)
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "one", ""))
		synctest.Wait()
		require.Equal(t, []string{"passing: one"}, rec.said())
	})
}

func TestHeartbeatErrors(t *testing.T) {
	r := newRunner(t, Config{})
	r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Passing), httpCheck("h", time.Hour)}, nil)
	requireKind(t, api.NotFound, r.Heartbeat(named("nobody"), api.Passing, "", ""))
	requireKind(t, api.NotFound, r.Heartbeat(ID{"other", "a"}, api.Passing, "", ""))
	requireKind(t, api.Invalid, r.Heartbeat(named("a"), "splendid", "", ""))
	err := r.Heartbeat(named("h"), api.Passing, "", "")
	requireKind(t, api.Refused, err)
	require.EqualError(t, err, `CheckID "h" does not have associated TTL`)
	_, _, ok := r.Snapshot(named("nobody"))
	require.False(t, ok)
	r.Close()
	requireKind(t, api.Unavailable, r.Heartbeat(named("a"), api.Passing, "", ""))
}

func TestRearm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		r.Reconcile([]*api.Check{
			ttlCheck("a", 10*time.Second, api.Passing), ttlCheck("b", 10*time.Second, api.Passing),
			ttlCheck("gone", time.Second, api.Passing),
		}, nil)
		time.Sleep(6 * time.Second)
		r.Rearm()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"critical: TTL expired"}, rec.said(), "only the one that had expired before")
		r.Rearm(named("a"), named("nobody"), named("gone"))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		seen := rec.take()
		require.Len(t, seen, 1)
		require.Equal(t, named("b"), seen[0].ID)
	})
}

func TestExpiryIsNotToldTwiceAfterAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		c := ttlCheck("a", time.Second, api.Critical)
		c.Output = "TTL expired (last output before timeout follows): fine"
		r.Reconcile([]*api.Check{c}, nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, rec.take())
	})
}

func TestWaitReturnsWhenTheStatusIsEmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, done := make(chan struct{}), make(chan error, 1)
		r := newRunner(t, Config{Emit: func([]Transition) { <-release }})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical)}, nil)
		require.NoError(t, r.Wait(t.Context(), named("a")), "nothing has been reported")
		require.NoError(t, r.Wait(t.Context(), named("nobody")))

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "", ""))
		go func() { done <- r.Wait(context.Background(), named("a")) }()
		synctest.Wait()
		require.Empty(t, done)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Wait(short, named("a")), context.DeadlineExceeded)
		close(release)
		require.NoError(t, <-done)
	})
}

// TestWaitEndsWhenNothingIsLeftToSay has a second report take the first one back
// before it was handed out. Who waits for it looks before the line does or after;
// so it is done many times.
func TestWaitEndsWhenNothingIsLeftToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		r := newRunner(t, Config{Emit: func([]Transition) { <-busy }})
		defer close(busy)
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Passing), ttlCheck("b", time.Hour, api.Passing)}, nil)
		for i := range 200 {
			status := []string{api.Warning, api.Passing}[i%2]
			require.NoError(t, r.Heartbeat(named("b"), status, "", ""))
			synctest.Wait() // Emit has it in hand
			require.NoError(t, r.Heartbeat(named("a"), api.Critical, "", ""))
			require.NoError(t, r.Heartbeat(named("a"), api.Passing, "", ""))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			waited := make(chan error, 1)
			go func() { waited <- r.Wait(ctx, named("a")) }()
			synctest.Wait()
			busy <- struct{}{}
			require.NoError(t, <-waited)
			cancel()
			synctest.Wait()
		}
	})
}
