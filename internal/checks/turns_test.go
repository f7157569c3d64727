package checks

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestLaneKeepsItsBounds(t *testing.T) {
	l := newLane()
	l.limit, l.perHost = 7, 3
	rng := rand.New(rand.NewPCG(1, 2))
	name := func(tk *task) string { return tk.id.Node }
	var idle, inflight []*task
	waiting := map[*task]bool{}
	for i := range 60 {
		idle = append(idle, &task{id: ID{fmt.Sprint(i % 5), fmt.Sprint(i)}})
	}
	pick := func(list *[]*task) *task {
		i := rng.IntN(len(*list))
		tk := (*list)[i]
		*list = append((*list)[:i], (*list)[i+1:]...)
		return tk
	}
	check := func() {
		perHost := map[string]int{}
		for _, tk := range inflight {
			perHost[name(tk)]++
		}
		require.Equal(t, len(inflight), l.inflight)
		require.LessOrEqual(t, l.inflight, l.limit)
		require.Equal(t, len(waiting), l.waiting)
		for host, n := range perHost {
			require.LessOrEqual(t, n, l.perHost, host)
		}
		for tk := range waiting {
			require.True(t, l.inflight == l.limit || perHost[name(tk)] == l.perHost, "nobody waits beside a free place")
		}
	}
	fill := func() {
		for tk, host := l.next(); tk != nil; tk, host = l.next() {
			require.Equal(t, name(tk), host)
			require.True(t, waiting[tk])
			delete(waiting, tk)
			inflight = append(inflight, tk)
		}
	}
	for range 5000 {
		switch rng.IntN(5) {
		case 0, 1:
			if len(idle) > 0 {
				if tk := pick(&idle); l.enter(tk, name(tk)) {
					inflight = append(inflight, tk)
				} else {
					waiting[tk] = true
				}
			}
		case 2, 3:
			if len(inflight) > 0 {
				tk := pick(&inflight)
				idle = append(idle, tk)
				l.leave(name(tk))
				fill()
			}
		case 4:
			for tk := range waiting {
				l.quit(tk, name(tk))
				delete(waiting, tk)
				idle = append(idle, tk)
				break
			}
		}
		check()
	}
	for len(inflight) > 0 {
		l.leave(name(pick(&inflight)))
		fill()
	}
	require.Empty(t, waiting)
	require.Empty(t, l.hosts, "a host nobody asks is forgotten")
}

func TestALaneTakesHostsInTurn(t *testing.T) {
	l := newLane()
	l.limit, l.perHost = 1, 1
	for i, host := range []string{"a", "a", "a", "b", "b", "c"} {
		require.Equal(t, i == 0, l.enter(&task{id: ID{host, fmt.Sprint(i)}}, host))
	}
	var order []string
	for last := "a"; ; {
		l.leave(last)
		tk, host := l.next()
		if tk == nil {
			break
		}
		order, last = append(order, tk.id.CheckID), host
	}
	require.Equal(t, []string{"3", "5", "1", "4", "2"}, order)
}

// crowd is n checks of one host, each every interval.
func crowd(host string, n int, every, timeout time.Duration) []*api.Check {
	var cs []*api.Check
	for i := range n {
		cs = append(cs, &api.Check{Node: host, CheckID: fmt.Sprint(i), Status: api.Passing, Probe: &api.CheckDefinition{
			HTTP: fmt.Sprintf("http://%s:%d/", host, 1000+i), Interval: api.Duration(every), Timeout: api.Duration(timeout)}})
	}
	return cs
}

// gauge counts what goes on at once.
type gauge struct{ now, most, total atomic.Int64 }

func (g *gauge) in() {
	g.total.Add(1)
	for n := g.now.Add(1); ; {
		if m := g.most.Load(); n <= m || g.most.CompareAndSwap(m, n) {
			return
		}
	}
}

func TestASlowHostDelaysOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mute, well gauge
		var mu sync.Mutex
		started := map[string][]time.Time{}
		r := newRunner(t, Config{HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			if req.URL.Hostname() == "mute" {
				mute.in()
				defer mute.now.Add(-1)
				return 0, "", sleepy(req, time.Hour)
			}
			well.in()
			defer well.now.Add(-1)
			mu.Lock()
			defer mu.Unlock()
			started[req.URL.Host] = append(started[req.URL.Host], time.Now())
			return 200, "", nil
		})})
		const every = 10 * time.Second
		r.Reconcile(crowd("mute", 1000, every, 8*time.Second), nil)
		r.Reconcile(crowd("well", 500, every, time.Second), nil)
		time.Sleep(time.Minute)
		synctest.Wait()

		require.Equal(t, int64(hostLimit), mute.most.Load()/2, "in each of the two lanes")
		require.Positive(t, r.Load().Waiting)
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, started, 500)
		for _, at := range started {
			require.Len(t, at, 6)
			for i := range at[1:] {
				require.Equal(t, every, at[i+1].Sub(at[i]))
			}
		}
		r.Runs(func(run Run) {
			if run.ID.Node == "well" {
				require.Zero(t, run.Late)
			}
		})
	})
}

func TestManyMuteHostsLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all gauge
		var answered atomic.Int64
		r := newRunner(t, Config{HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			all.in()
			defer all.now.Add(-1)
			if req.URL.Hostname() == "well" {
				answered.Add(1)
				return 200, "", nil
			}
			return 0, "", sleepy(req, time.Hour)
		})})
		const every, hosts = 10 * time.Second, 50
		for i := range hosts {
			r.Reconcile(crowd(fmt.Sprint("mute-", i), 100, every, every), nil)
		}
		time.Sleep(5 * every) // by now each of them was slow once
		r.Reconcile(crowd("well", 50, every, time.Second), nil)
		time.Sleep(3 * every)
		synctest.Wait()
		require.Equal(t, int64(150), answered.Load())
		require.LessOrEqual(t, all.most.Load(), int64(2*laneLimit))
		r.Runs(func(run Run) {
			if run.ID.Node == "well" {
				require.Zero(t, run.Late)
			}
		})
	})
}

func TestAWaitingCheckKeepsItsBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var began []time.Time
		open := make(chan struct{})
		r := newRunner(t, Config{HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			if req.URL.Port() == "" { // the one that is looked at
				mu.Lock()
				defer mu.Unlock()
				began = append(began, time.Now())
				return 200, "", nil
			}
			select {
			case <-open:
			case <-req.Context().Done():
			}
			return 200, "", nil
		})})
		r.Reconcile(crowd("h", hostLimit, time.Hour, 3*time.Hour), nil)
		time.Sleep(time.Hour) // all places of the host are taken
		one := &api.Check{Node: "n", CheckID: "a", Probe: &api.CheckDefinition{HTTP: "http://h/", Interval: api.Duration(10 * time.Second)}}
		r.Reconcile([]*api.Check{one}, nil)
		run, ok := r.Run(named("a"))
		require.True(t, ok)
		first := run.Next
		time.Sleep(35 * time.Second)
		synctest.Wait()
		run, _ = r.Run(named("a"))
		require.Equal(t, RunWaits, run.State)
		require.Equal(t, first, run.Next, "it waits for the run it has not had")
		require.Equal(t, 1, r.Load().Waiting, "once, however many times its beat has come")

		close(open)
		synctest.Wait()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, began, 3)
		require.Zero(t, began[1].Sub(first)%(10*time.Second), "the beat is what it was")
		require.Equal(t, 10*time.Second, began[2].Sub(began[1]))
	})
}

func TestACheckThatWaitsCanGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gauge
		r := newRunner(t, Config{HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			g.in()
			defer g.now.Add(-1)
			return 0, "", sleepy(req, time.Hour)
		})})
		cs := crowd("h", hostLimit+3, time.Second, time.Hour)
		r.Reconcile(cs, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, Load{Checks: hostLimit + 3, Probes: hostLimit, Waiting: 3}, r.Load())
		var waiting []ID
		r.Runs(func(run Run) {
			if run.State == RunWaits {
				waiting = append(waiting, run.ID)
			}
		})
		require.Len(t, waiting, 3)
		r.Reconcile([]*api.Check{{Node: "h", CheckID: waiting[0].CheckID, Probe: &api.CheckDefinition{TTL: 1 << 40}}}, waiting[1:2])
		require.Equal(t, Load{Checks: hostLimit + 2, Probes: hostLimit, Waiting: 1}, r.Load())
		var all []ID
		for _, c := range cs {
			all = append(all, ID{c.Node, c.CheckID})
		}
		r.Reconcile(nil, all)
		synctest.Wait()
		require.Equal(t, Load{}, r.Load())
		require.Equal(t, int64(hostLimit), g.total.Load())
	})
}
