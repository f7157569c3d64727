package checks

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestProbeResultsBecomeTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		var code atomic.Int32
		r := newRunner(t, Config{Emit: rec.emit, HTTPTransport: peer(func(*http.Request) (int, string, error) {
			if code.Load() == 0 {
				return 0, "", errors.New("no route")
			}
			return int(code.Load()), "hello", nil
		})})
		r.Reconcile([]*api.Check{httpCheck("a", 10*time.Second)}, nil)
		for _, step := range []struct {
			code int32
			want string
		}{
			{200, "passing: HTTP GET http://peer/a: OK Output: hello"},
			{204, ""}, // only the output differs
			{429, "warning: HTTP GET http://peer/a: Too Many Requests Output: hello"},
			{500, "critical: HTTP GET http://peer/a: Internal Server Error Output: hello"},
			{0, ""},
			{299, "passing: HTTP GET http://peer/a:  Output: hello"},
			{301, "critical: "},
		} {
			code.Store(step.code)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			said := rec.said()
			if step.want == "" {
				require.Empty(t, said, step.code)
				continue
			}
			require.Len(t, said, 1, step.code)
			require.Contains(t, said[0], step.want)
		}
	})
}

func TestFirstRunsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		perSecond := make(map[int]int)
		start := time.Now()
		r := newRunner(t, Config{HTTPTransport: peer(func(*http.Request) (int, string, error) {
			mu.Lock()
			defer mu.Unlock()
			perSecond[int(time.Since(start)/time.Second)]++
			return 200, "", nil
		})})
		var cs []*api.Check
		for i := range 1000 {
			cs = append(cs, httpCheck(fmt.Sprint(i), 10*time.Second))
		}
		r.Reconcile(cs, nil)
		require.Equal(t, 1000, r.Running())
		time.Sleep(20*time.Second - time.Nanosecond)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for s := range 10 {
			require.Greater(t, perSecond[s], 50, "second %d", s)
			require.Equal(t, perSecond[s], perSecond[s+10], "each check keeps its beat")
		}
	})
}

func TestASlowCheckDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, slowNow, quick atomic.Int32
		r := newRunner(t, Config{HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			if req.URL.Path == "/quick" {
				quick.Add(1)
				return 200, "", nil
			}
			slow.Add(1)
			if slowNow.Add(1) > 1 {
				panic("two runs at a time")
			}
			defer slowNow.Add(-1)
			return 0, "", sleepy(req, time.Hour)
		})})
		stuck := httpCheck("stuck", time.Second)
		stuck.Probe.Timeout = api.Duration(7500 * time.Millisecond)
		r.Reconcile([]*api.Check{stuck, httpCheck("quick", time.Second)}, nil)
		time.Sleep(80 * time.Second)
		synctest.Wait()
		require.Equal(t, int32(80), quick.Load())
		require.Equal(t, int32(10), slow.Load(), "every 8 s: at the next beat after its timeout")
		_, output, _ := r.Snapshot(named("stuck"))
		require.Contains(t, output, "deadline exceeded")
	})
}

func TestIntervalBelowOneSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		r := newRunner(t, Config{HTTPTransport: peer(func(*http.Request) (int, string, error) {
			runs.Add(1)
			return 200, "", nil
		})})
		r.Reconcile([]*api.Check{httpCheck("a", 10*time.Millisecond)}, nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, int32(10), runs.Load())
	})
}

func TestThresholds(t *testing.T) {
	const p, c, w = "passing", "critical", "warning"
	for name, tc := range map[string]struct {
		def     api.CheckDefinition
		before  string // output in the catalog: not empty if it was run before
		status  string // in the catalog
		results string // p or c for each run
		want    []string
	}{
		"none":                           {results: "pcp", want: []string{p, c, p}},
		"a new check fails at once":      {def: api.CheckDefinition{FailuresBeforeCritical: 5}, status: p, results: "c", want: []string{c}},
		"a new check passes at once":     {def: api.CheckDefinition{SuccessBeforePassing: 3}, results: "p", want: []string{p}},
		"failures before critical":       {def: api.CheckDefinition{FailuresBeforeCritical: 3}, results: "pccpccc", want: []string{p, p, p, p, p, p, c}},
		"warning on the way":             {def: api.CheckDefinition{FailuresBeforeWarning: 1, FailuresBeforeCritical: 3}, results: "pccc", want: []string{p, w, w, c}},
		"successes before passing":       {def: api.CheckDefinition{SuccessBeforePassing: 2}, results: "pcpcpp", want: []string{p, c, c, c, c, p}},
		"a moved check keeps patience":   {def: api.CheckDefinition{FailuresBeforeCritical: 3}, status: p, before: "ok", results: "ccc", want: []string{p, p, c}},
		"a moved failing check recovers": {def: api.CheckDefinition{SuccessBeforePassing: 2}, status: c, before: "no", results: "pp", want: []string{c, p}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var code atomic.Int32
				r := newRunner(t, Config{HTTPTransport: peer(func(*http.Request) (int, string, error) {
					return int(code.Load()), "", nil
				})})
				def := tc.def
				def.HTTP, def.Interval = "http://peer/", api.Duration(time.Second)
				status := tc.status
				if status == "" {
					status = c
				}
				r.Reconcile([]*api.Check{{Node: "n", CheckID: "a", Status: status, Output: tc.before, Probe: &def}}, nil)
				var got []string
				for _, result := range tc.results {
					code.Store(200)
					if result == 'c' {
						code.Store(500)
					}
					time.Sleep(time.Second)
					synctest.Wait()
					status, _, _ := r.Snapshot(named("a"))
					got = append(got, status)
				}
				require.Equal(t, tc.want, got)
			})
		})
	}
}

func TestPanicInAProbeIsCritical(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit, HTTPTransport: peer(func(*http.Request) (int, string, error) { panic("ouch") })})
		c := httpCheck("a", time.Second)
		c.Status = api.Passing
		r.Reconcile([]*api.Check{c}, nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"critical: check panicked: ouch"}, rec.said())
	})
}

func TestChangesCoalesceWhileEmitBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		release := make(chan struct{})
		r := newRunner(t, Config{Emit: func(b []Transition) {
			<-release
			rec.emit(b)
		}})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical), ttlCheck("b", time.Hour, api.Critical)}, nil)
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "1", ""))
		synctest.Wait() // Emit has it now
		for _, status := range []string{api.Warning, api.Critical, api.Warning} {
			require.NoError(t, r.Heartbeat(named("a"), status, "2", ""))
		}
		require.NoError(t, r.Heartbeat(named("b"), api.Passing, "3", ""))
		require.NoError(t, r.Heartbeat(named("b"), api.Critical, "", ""))
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"passing: 1", "warning: 2"}, rec.said(), "b is what it was")
	})
}

func TestManyTransitionsComeInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: func(b []Transition) {
			require.LessOrEqual(t, len(b), emitMax)
			rec.emit(b)
		}})
		var cs []*api.Check
		for i := range 2000 {
			cs = append(cs, ttlCheck(fmt.Sprint(i), time.Minute, api.Passing))
		}
		r.Reconcile(cs, nil)
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		seen := make(map[ID]int)
		for _, tr := range rec.take() {
			seen[tr.ID]++
		}
		require.Len(t, seen, 2000)
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
	})
}

func TestCloseEndsEverythingAndMayBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := NewRunner(Config{Emit: rec.emit, HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			return 0, "", sleepy(req, time.Hour)
		})})
		r.Reconcile([]*api.Check{httpCheck("a", time.Second), ttlCheck("b", 3*time.Second, api.Passing)}, nil)
		time.Sleep(2 * time.Second)
		r.Close()
		r.Close()
		r.Reconcile([]*api.Check{httpCheck("c", time.Second)}, nil)
		time.Sleep(time.Hour)
		require.Empty(t, rec.take())
	})
}

// Everything at once, for the race detector; at the end what was emitted last
// is what the runner says.
func TestConcurrentUse(t *testing.T) {
	var mu sync.Mutex
	last := make(map[ID]string)
	r := NewRunner(Config{
		Emit: func(b []Transition) {
			mu.Lock()
			defer mu.Unlock()
			for _, tr := range b {
				last[tr.ID] = tr.Status
			}
		},
		HTTPTransport: peer(func(*http.Request) (int, string, error) { return 200, "", nil }),
	})
	defer r.Close()
	statuses := []string{api.Passing, api.Warning, api.Critical}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				id := fmt.Sprint(i % 20)
				switch {
				case g == 0 && i%3 == 0:
					r.Reconcile([]*api.Check{ttlCheck(id, time.Minute, api.Critical), httpCheck("h"+id, time.Second)}, nil)
				case g == 1 && i%50 == 0:
					r.Reconcile(nil, []ID{named(id), named("h" + id)})
				case g == 2 && i%10 == 0:
					r.Rearm()
					r.SetDiscardOutput(i%20 == 0)
				default:
					if r.Heartbeat(named(id), statuses[(g+i)%3], fmt.Sprint(i), "") == nil {
						r.Snapshot(named(id))
						_ = r.Wait(t.Context(), named(id))
					}
				}
				r.Running()
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		id := named(fmt.Sprint(i))
		r.Reconcile([]*api.Check{ttlCheck(id.CheckID, time.Minute, api.Critical)}, nil)
		require.NoError(t, r.Heartbeat(id, api.Passing, "", ""))
		require.NoError(t, r.Wait(t.Context(), id))
		mu.Lock()
		require.Equal(t, api.Passing, last[id])
		mu.Unlock()
	}
}
