package api

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// state lists where the instances of a service are and how they are.
func (f *fakeCluster) state(name string) map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[string]string{}
	for _, e := range f.instances(name, "") {
		m[e.Node.Node+"/"+e.Service.ID] = e.Status()
	}
	return m
}

// instance returns a copy of an instance by node and ID.
func (f *fakeCluster) instance(at string) (service Service, check Check) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.services[at]
	if e == nil {
		return service, check
	}
	if len(e.Checks) > 0 {
		check = *e.Checks[0]
	}
	return *e.Service, check
}

// beats counts heartbeats, whatever their form.
func (f *fakeCluster) beats() int { return f.writes("PUT /v1/agent/check/") }

func TestRegistrationLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		r, err := ls.client.Register(t.Context(), &ServiceRegistration{Name: "web", Port: 80}, nil)
		require.NoError(t, err)
		require.Equal(t, "web", r.ID())
		require.Equal(t, map[string]string{"a/web": Passing}, ls.f.state("web"))
		_, check := ls.f.instance("a/web")
		require.Equal(t, "15s", check.Interval)

		time.Sleep(10*time.Minute + time.Second)
		require.Equal(t, 120, ls.f.beats(), "one for each third of the TTL")
		require.Equal(t, 1, ls.f.writes("PUT /v1/agent/service/register"))
		require.NoError(t, r.Err())

		require.NoError(t, r.Close())
		require.Empty(t, ls.f.state("web"))
		require.NoError(t, r.Close())
		beats := ls.f.beats()
		time.Sleep(time.Minute)
		require.Equal(t, beats, ls.f.beats(), "nothing goes on after Close")
	})
}

func TestRegistrationComesBackWhenForgotten(t *testing.T) {
	for name, check := range map[string]*CheckRegistration{
		"heartbeat": nil,
		"probe":     {CheckID: "c", Status: Passing, CheckDefinition: CheckDefinition{HTTP: "http://x", Interval: Duration(time.Second)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := newLocks(t)
				s := &ServiceRegistration{ID: "w1", Name: "web"}
				if check != nil {
					s.Checks = []*CheckRegistration{check}
				}
				r, err := ls.client.Register(t.Context(), s, nil)
				require.NoError(t, err)
				time.Sleep(time.Minute)
				ls.f.edit(func() { clear(ls.f.services) })
				time.Sleep(11 * time.Second)
				require.Equal(t, map[string]string{"a/w1": Passing}, ls.f.state("web"))
				require.Equal(t, check != nil, ls.f.beats() == 0)
				require.Equal(t, 2, ls.f.writes("PUT /v1/agent/service/register"))
				require.NoError(t, r.Close())
			})
		})
	}
}

// TestRegistrationMoves: its server dies, and the cluster notices a little
// later.
func TestRegistrationMoves(t *testing.T) {
	for name, tt := range map[string]struct {
		address string
		probed  bool
		want    map[string]string
	}{
		"at the server's address": {"", false, map[string]string{"b/w1": Passing}},
		"probed there":            {"", true, map[string]string{"b/w1": Passing}},
		// The cluster hands such instances over by itself; the fake does not.
		"at its own address": {"10.0.0.9", false, map[string]string{"a/w1": Critical}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := newLocks(t)
				s := &ServiceRegistration{ID: "w1", Name: "web", Address: tt.address}
				if tt.probed {
					s.Check = &CheckRegistration{CheckDefinition: CheckDefinition{HTTP: "http://x", Interval: Duration(time.Second)}}
				}
				r, err := ls.client.Register(t.Context(), s, nil)
				require.NoError(t, err)
				time.Sleep(14 * time.Second)
				ls.hostA.cut()
				time.Sleep(2 * time.Second)
				ls.f.edit(func() { ls.f.dead["a"] = true })
				time.Sleep(30 * time.Second)
				require.Equal(t, tt.want, ls.f.state("web"))

				// Its return changes nothing.
				ls.f.edit(func() { ls.f.dead["a"] = false })
				ls.hostA.mend()
				registers := ls.f.writes("PUT /v1/agent/service/register")
				time.Sleep(time.Minute)
				require.Equal(t, registers, ls.f.writes("PUT /v1/agent/service/register"))
				require.Len(t, ls.f.state("web"), 1)
				require.NoError(t, r.Close())
				require.Empty(t, ls.f.state("web"))
			})
		})
	}
}

func TestRegistrationSurvivesOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		errs := make(chan error, 1000)
		r, err := ls.client.Register(t.Context(), &ServiceRegistration{Name: "web"}, &RegistrationOptions{OnError: func(err error) { errs <- err }})
		require.NoError(t, err)
		ls.hostA.cut()
		ls.hostB.cut()
		time.Sleep(10 * time.Minute)
		require.ErrorIs(t, r.Err(), Unavailable)
		require.ErrorIs(t, <-errs, Unavailable)
		ls.f.edit(func() { clear(ls.f.services) }) // started from nothing
		ls.hostB.mend()
		time.Sleep(10 * time.Second)
		require.NoError(t, r.Err())
		require.Equal(t, map[string]string{"b/web": Passing}, ls.f.state("web"))
		require.NoError(t, r.Close())
	})
}

func TestRegistrationReportsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		status := atomic.Value{}
		status.Store(Critical)
		r, err := ls.client.Register(t.Context(), &ServiceRegistration{Name: "web"}, &RegistrationOptions{
			TTL:             9 * time.Second,
			DeregisterAfter: time.Hour,
			Health:          func(context.Context) (string, string) { return status.Load().(string), "because" },
		})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a/web": Critical}, ls.f.state("web"), "from the start")
		for _, want := range []string{Warning, Passing, Critical} {
			status.Store(want)
			time.Sleep(3*time.Second + time.Millisecond)
			require.Equal(t, map[string]string{"a/web": want}, ls.f.state("web"))
			_, check := ls.f.instance("a/web")
			require.Equal(t, "because", check.Output)
		}
		require.NoError(t, r.Close())
	})
}

func TestRegistrationUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		r, err := ls.client.Register(t.Context(), &ServiceRegistration{Name: "web", Tags: []string{"v1"}}, nil)
		require.NoError(t, err)
		require.NoError(t, r.Update(t.Context(), &ServiceRegistration{Name: "web", Tags: []string{"v2"}}))
		service, _ := ls.f.instance("a/web")
		require.Equal(t, []string{"v2"}, service.Tags)
		ls.f.edit(func() { clear(ls.f.services) })
		time.Sleep(10 * time.Second)
		service, _ = ls.f.instance("a/web")
		require.Equal(t, []string{"v2"}, service.Tags, "the newest is what comes back")

		// One that did not get through is tried again, one that was refused
		// is not.
		v := func(tag string) *ServiceRegistration { return &ServiceRegistration{Name: "web", Tags: []string{tag}} }
		ls.a.failWith(says(Unavailable))
		ls.b.failWith(says(Unavailable))
		require.ErrorIs(t, r.Update(t.Context(), v("v3")), Unavailable)
		ls.a.failWith(nil)
		time.Sleep(10 * time.Second)
		service, _ = ls.f.instance("a/web")
		require.Equal(t, []string{"v3"}, service.Tags)
		ls.a.failWith(says(Invalid))
		require.ErrorIs(t, r.Update(t.Context(), v("v4")), Invalid)
		ls.a.failWith(nil)
		ls.f.edit(func() { clear(ls.f.services) })
		time.Sleep(10 * time.Second)
		service, _ = ls.f.instance("a/web")
		require.Equal(t, []string{"v3"}, service.Tags)

		require.ErrorIs(t, r.Update(t.Context(), &ServiceRegistration{Name: "other"}), Invalid)
		require.ErrorIs(t, r.Update(t.Context(), &ServiceRegistration{ID: "web"}), Invalid)
		require.NoError(t, r.Close())
	})
}

func TestRegisterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		_, err := ls.client.Register(t.Context(), &ServiceRegistration{}, nil)
		require.ErrorIs(t, err, Invalid)
		ls.a.failWith(says(Forbidden))
		_, err = ls.client.Register(t.Context(), &ServiceRegistration{Name: "web"}, nil)
		require.ErrorIs(t, err, Forbidden)
		time.Sleep(time.Hour)
		require.Zero(t, ls.f.beats(), "nothing is kept")
	})
}

// TestCloseIsBounded: no server answers.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		r, err := ls.client.Register(t.Context(), &ServiceRegistration{Name: "web"}, nil)
		require.NoError(t, err)
		ls.a.failWith(hangs)
		ls.b.failWith(hangs)
		time.Sleep(6 * time.Second) // a heartbeat is under way
		start := time.Now()
		require.Error(t, r.Close())
		require.LessOrEqual(t, time.Since(start), 5*time.Second)
	})
}

// from is a connection that claims to come from an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (c from) LocalAddr() net.Addr { return c.addr }

func TestRegistrationFindsItsAddress(t *testing.T) {
	for local, want := range map[string]string{
		"10.1.2.3": "10.1.2.3", "2001:db8::1": "2001:db8::1", "127.0.0.1": "", "::1": "", "fe80::1": "",
	} {
		t.Run(local, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := newLocks(t)
				c := ls.n.client(t, func(c *Config) {
					c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
						conn, err := ls.n.dial(ctx, network, addr)
						return from{conn, &net.TCPAddr{IP: net.ParseIP(local), Port: 1}}, err
					}
				}, "a:1")
				r, err := c.Register(t.Context(), &ServiceRegistration{Name: "web"}, nil)
				require.NoError(t, err)
				service, _ := ls.f.instance("a/web")
				require.Equal(t, want, service.Address)
				require.NoError(t, r.Close())
			})
		})
	}
}

// TestRegistrationWithLostAnswer: the server registers and drops the
// connection; the second one takes it again, which changes nothing.
func TestRegistrationWithLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		ls.a.failWith(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				panic(http.ErrAbortHandler)
			}
			ls.b.ServeHTTP(w, r)
		})
		r, err := ls.client.Register(t.Context(), &ServiceRegistration{Name: "web"}, nil)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"b/web": Passing}, ls.f.state("web"))
		require.NoError(t, r.Close())
	})
}
