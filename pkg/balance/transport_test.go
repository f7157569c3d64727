package balance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// fakeBase answers requests by instance ID, which is taken from the address.
type fakeBase struct {
	mu     sync.Mutex
	answer func(id string, req *http.Request) (*http.Response, error)
	went   []string // where requests went, in order
}

func (f *fakeBase) RoundTrip(req *http.Request) (*http.Response, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(req.URL.Host, "host-"), ":80")
	f.mu.Lock()
	f.went = append(f.went, id)
	f.mu.Unlock()
	resp, err := f.answer(id, req)
	if req.Body != nil {
		_ = req.Body.Close() // as every RoundTripper must
	}
	return resp, err
}

func (f *fakeBase) count() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[string]int{}
	for _, id := range f.went {
		m[id]++
	}
	return m
}

func respond(status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
}

// transportTo returns a transport over instances a, b and c, and its base.
func transportTo(t *testing.T, c TransportConfig, answer func(id string, req *http.Request) (*http.Response, error), opts ...Option) (*Transport, *fakeBase) {
	base := &fakeBase{answer: answer}
	c.Base = base
	tr := newDirectory(newFakeRegistry(entry("a"), entry("b"), entry("c"))).Transport(c, opts...)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr, base
}

func request(t testing.TB, method, body string) *http.Request {
	var r io.Reader
	if body != "" {
		// Not a type that http.NewRequest makes a GetBody for.
		r = io.MultiReader(strings.NewReader(body))
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://web/path?q=1", r)
	require.NoError(t, err)
	return req
}

// outstanding adds up what the balancers wait for.
func outstanding(tr *Transport) int {
	n := 0
	for _, s := range tr.Status() {
		for _, in := range s.Instances {
			n += in.Outstanding
		}
	}
	return n
}

func TestWhatIsRetried(t *testing.T) {
	reset := errors.New("connection reset")
	for _, c := range []struct {
		name     string
		config   TransportConfig
		method   string
		body     string
		key      bool  // with an Idempotency-Key
		err      error // of the first instance asked
		status   int   // or its answer
		attempts int
	}{
		{name: "get, refused", method: "GET", err: errRefused, attempts: 2},
		{name: "get, reset", method: "GET", err: reset, attempts: 2},
		{name: "get, 503", method: "GET", status: 503, attempts: 2},
		{name: "get, 500", method: "GET", status: 500, attempts: 1},
		{name: "get, 500 wanted", config: TransportConfig{RetryStatus: []int{500}}, method: "GET", status: 500, attempts: 2},
		{name: "get, one attempt", config: TransportConfig{Attempts: 1}, method: "GET", err: errRefused, attempts: 1},
		{name: "put with body, reset", method: "PUT", body: "text", err: reset, attempts: 2},
		{name: "put with long body, reset", config: TransportConfig{BufferRequest: 3}, method: "PUT", body: "text", err: reset, attempts: 1},
		{name: "put with body not kept, reset", config: TransportConfig{BufferRequest: -1}, method: "PUT", body: "text", err: reset, attempts: 1},
		{name: "post, refused", method: "POST", body: "text", err: errRefused, attempts: 2},
		{name: "post, refused, body not kept", config: TransportConfig{BufferRequest: -1}, method: "POST", body: "text", err: errRefused, attempts: 2},
		{name: "post, reset", method: "POST", body: "text", err: reset, attempts: 1},
		{name: "post, 503", method: "POST", body: "text", status: 503, attempts: 1},
		{name: "post with key, reset", method: "POST", body: "text", key: true, err: reset, attempts: 2},
		{name: "no budget", config: TransportConfig{Budget: Budget{Ratio: -1, PerSecond: -1, Burst: 0.5}}, method: "GET", err: errRefused, attempts: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := true
			var bodies []string
			tr, base := transportTo(t, c.config, func(id string, req *http.Request) (*http.Response, error) {
				require.Equal(t, "/path?q=1", req.URL.RequestURI())
				require.Equal(t, "web", req.Host)
				failing := first
				first = false
				if failing && c.err == errRefused {
					return nil, c.err // nothing is read of the body then
				}
				if req.Body != nil {
					b, err := io.ReadAll(req.Body)
					require.NoError(t, err)
					bodies = append(bodies, string(b))
				}
				switch {
				case failing && c.err != nil:
					return nil, c.err
				case failing:
					return respond(c.status, "bad")
				}
				return respond(200, "good")
			})
			req := request(t, c.method, c.body)
			if c.key {
				req.Header.Set("Idempotency-Key", "1")
			}
			resp, err := tr.RoundTrip(req)
			require.Len(t, base.went, c.attempts)
			switch {
			case c.attempts == 2:
				require.NoError(t, err)
				require.Equal(t, 200, resp.StatusCode)
				require.NotEqual(t, base.went[0], base.went[1], "elsewhere")
			case c.err != nil:
				require.ErrorIs(t, err, c.err)
			default:
				require.NoError(t, err)
				require.Equal(t, c.status, resp.StatusCode)
			}
			for _, b := range bodies {
				require.Equal(t, c.body, b)
			}
			if resp != nil {
				require.Equal(t, 1, outstanding(tr), "the body is still open")
				_, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
			}
			require.Zero(t, outstanding(tr))
		})
	}
}

func TestAllAttemptsFail(t *testing.T) {
	tr, base := transportTo(t, TransportConfig{Attempts: 5}, func(string, *http.Request) (*http.Response, error) { return respond(503, "busy") })
	resp, err := tr.RoundTrip(request(t, "GET", ""))
	require.NoError(t, err)
	require.Equal(t, 503, resp.StatusCode)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "busy", string(b))
	require.Len(t, base.went, 5)
	require.Len(t, base.count(), 3, "all three are asked before one is asked again")
	require.Zero(t, outstanding(tr))
}

func TestBudgetEndsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("reset")
		tr, base := transportTo(t, TransportConfig{Budget: Budget{Ratio: 0.1, PerSecond: 1, Burst: 10}}, func(string, *http.Request) (*http.Response, error) { return nil, down }, WithEjection(Ejection{Consecutive: -1}))
		send := func(n int) int {
			before := len(base.went)
			for range n {
				_, err := tr.RoundTrip(request(t, "GET", ""))
				require.ErrorIs(t, err, down)
			}
			return len(base.went) - before - n
		}
		require.InDelta(t, 10+10, send(100), 1, "what was saved, and a tenth of the requests")
		time.Sleep(5 * time.Second)
		require.InDelta(t, 5+1, send(10), 1, "one a second")
	})
}

func TestBufferedResponseIsRetried(t *testing.T) {
	cut := errors.New("unexpected end")
	first := true
	tr, _ := transportTo(t, TransportConfig{BufferResponse: 100}, func(string, *http.Request) (*http.Response, error) {
		resp, _ := respond(200, "whole answer")
		if first {
			first = false
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("who"), errReader{cut}))
		}
		return resp, nil
	})
	resp, err := tr.RoundTrip(request(t, "GET", ""))
	require.NoError(t, err)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "whole answer", string(b))
	require.Zero(t, outstanding(tr))
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestBodyOfTheCallerFails(t *testing.T) {
	broken := errors.New("upload broke off")
	tr, base := transportTo(t, TransportConfig{}, func(_ string, req *http.Request) (*http.Response, error) {
		_, err := io.ReadAll(req.Body)
		return nil, err
	})
	req := request(t, "PUT", "x")
	req.Body = io.NopCloser(errReader{broken})
	_, err := tr.RoundTrip(req)
	require.ErrorIs(t, err, broken)
	require.Len(t, base.went, 1, "no other instance can mend that")
	for _, in := range tr.Status()[0].Instances {
		require.Zero(t, in.Failures, "nor is it the instance's fault")
	}
}

func TestAttemptTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := ""
		tr, _ := transportTo(t, TransportConfig{AttemptTimeout: time.Second}, func(id string, req *http.Request) (*http.Response, error) {
			if stuck == "" || stuck == id {
				stuck = id
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return respond(200, "ok")
		})
		start := time.Now()
		resp, err := tr.RoundTrip(request(t, "GET", ""))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, time.Second, time.Since(start))
		for _, in := range tr.Status()[0].Instances {
			require.Equal(t, in.ID == stuck, in.Failures == 1)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, hedge := range []time.Duration{0, 10 * time.Millisecond} {
			tr, _ := transportTo(t, TransportConfig{HedgeAfter: hedge}, func(_ string, req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, req.Context().Err()
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := tr.RoundTrip(request(t, "GET", "").WithContext(ctx))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			synctest.Wait()
			require.Zero(t, outstanding(tr))
		}
	})
}

func TestHedging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		slow := ""
		cancelled := 0
		var seen []Attempt
		c := TransportConfig{HedgeAfter: 100 * time.Millisecond, Observe: func(a Attempt) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, a)
		}}
		tr, base := transportTo(t, c, func(id string, req *http.Request) (*http.Response, error) {
			mu.Lock()
			if slow == "" {
				slow = id
			}
			mine := slow == id
			mu.Unlock()
			if mine {
				select {
				case <-time.After(time.Minute):
				case <-req.Context().Done():
					mu.Lock()
					cancelled++
					mu.Unlock()
					return nil, req.Context().Err()
				}
			}
			return respond(200, id)
		})
		start := time.Now()
		resp, err := tr.RoundTrip(request(t, "GET", ""))
		require.NoError(t, err)
		require.Equal(t, 100*time.Millisecond, time.Since(start))
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NotEqual(t, slow, string(b))
		synctest.Wait()
		require.Len(t, base.went, 2)
		require.Equal(t, 1, cancelled)
		require.Zero(t, outstanding(tr))
		for _, in := range tr.Status()[0].Instances {
			require.Zero(t, in.Failures, "to lose is no failure")
		}
		require.Len(t, seen, 2)
		for _, a := range seen {
			require.Equal(t, a.Number == 2, a.Hedge)
		}

		// What must not be sent twice is not.
		before := len(base.went)
		slow = "none"
		resp, err = tr.RoundTrip(request(t, "POST", "x"))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, before+1, len(base.went))
	})
}

func TestHedgingRetriesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		tr, base := transportTo(t, TransportConfig{HedgeAfter: time.Second}, func(string, *http.Request) (*http.Response, error) {
			if n++; n < 3 {
				return respond(503, "busy")
			}
			return respond(200, "ok")
		})
		start := time.Now()
		resp, err := tr.RoundTrip(request(t, "GET", ""))
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
		require.Zero(t, time.Since(start))
		require.Len(t, base.count(), 3)
		require.Zero(t, outstanding(tr))
	})
}

func TestKeyOfRequest(t *testing.T) {
	c := TransportConfig{Key: func(r *http.Request) string { return r.Header.Get("X-User") }}
	tr, base := transportTo(t, c, func(string, *http.Request) (*http.Response, error) { return respond(200, "") }, WithPolicy(ConsistentHash(100)))
	for range 20 {
		req := request(t, "GET", "")
		req.Header.Set("X-User", "ada")
		resp, err := tr.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	require.Len(t, base.count(), 1)
}

func TestClosedTransportRefuses(t *testing.T) {
	tr, _ := transportTo(t, TransportConfig{}, nil)
	require.NoError(t, tr.Close())
	_, err := tr.RoundTrip(request(t, "GET", ""))
	require.ErrorIs(t, err, api.Unavailable)
}
