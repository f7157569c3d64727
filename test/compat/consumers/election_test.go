package consumers

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// candidate stands for election again and again until stop is closed, as
// programs do that want exactly one of them to be active. Each term is told to
// elected and lasts until the candidate has to go or resign is closed.
func candidate(client *api.Client, name string, elected chan<- string, stop, resign <-chan struct{}, active *atomic.Int32) error {
	for {
		select {
		case <-stop:
			return nil
		case <-resign:
			return nil
		default:
		}
		lock, err := client.LockOpts(&api.LockOptions{Key: "election/leader", Value: []byte(name), SessionName: name,
			SessionTTL: "15s", LockDelay: time.Millisecond, MonitorRetries: 100, MonitorRetryTime: 50 * time.Millisecond})
		if err != nil {
			return err
		}
		lost, err := lock.Lock(stop)
		if err != nil || lost == nil {
			continue // the servers are electing, or it is over
		}
		if n := active.Add(1); n != 1 {
			return fmt.Errorf("%s is active beside %d others", name, n-1)
		}
		elected <- name
		select {
		case <-lost:
		case <-resign:
		case <-stop:
		}
		active.Add(-1)
		for lock.Unlock() != nil {
			select {
			case <-lost:
			default:
				time.Sleep(10 * time.Millisecond)
				continue
			}
			break
		}
	}
}

// testElection keeps one of three programs active with the official client's
// lock: never two, and another one as soon as the first resigns.
func testElection(t *testing.T, s stage) {
	var active atomic.Int32
	elected := make(chan string, 100)
	stop := make(chan struct{})
	ended := make(chan error, 3)
	resign := map[string]chan struct{}{}
	for _, name := range []string{"anna", "ben", "cleo"} {
		client, quit := s.client(t), make(chan struct{})
		resign[name] = quit
		go func() { ended <- candidate(client, name, elected, stop, quit, &active) }()
	}
	defer func() {
		close(stop)
		for range resign {
			require.NoError(t, rig.Within(t, "the end of a candidate", ended))
		}
	}()
	first := rig.Within(t, "the first election", elected)
	s.afterTheKill(t)

	// Nobody noticed the servers' own election.
	pair, _, err := s.client(t).KV().Get("election/leader", &api.QueryOptions{RequireConsistent: true})
	require.NoError(t, err)
	require.Equal(t, first, string(pair.Value))
	require.NotEmpty(t, pair.Session)
	select {
	case name := <-elected:
		t.Fatalf("%s was elected although %s was there", name, first)
	default:
	}
	close(resign[first])
	second := rig.Within(t, "the second election", elected)
	require.NotEqual(t, first, second)
}
