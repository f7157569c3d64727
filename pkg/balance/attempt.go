package balance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// result is the outcome of an attempt. Its response, if there is one, reports
// to the balancer when its body ends.
type result struct {
	resp *http.Response
	err  error // of the attempt: also set, with resp, for an answer that is a failure
}

// good reports whether the attempt is an answer to hand out.
func (r result) good() bool { return r.err == nil }

// drop discards the answer in favour of another one.
func (r result) drop() {
	if r.resp != nil {
		_ = r.resp.Body.Close()
	}
}

// out is what RoundTrip returns for the result.
func (r result) out() (*http.Response, error) {
	if r.resp != nil {
		return r.resp, nil
	}
	return nil, r.err
}

// statusError is an answer that counts as a failure of the instance.
type statusError struct{ status int }

func (e statusError) Error() string {
	return fmt.Sprintf("answer %d %s", e.status, http.StatusText(e.status))
}

// send makes one attempt, at an instance that was picked for it.
func (x *exchange) send(ctx context.Context, in Instance, done Done, hedge bool, number int) result {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if d := x.t.c.AttemptTimeout; d > 0 {
		stop = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) }).Stop
	}
	start := time.Now()
	resp, err := x.roundTrip(ctx, in)
	if !stop() && err != nil {
		err = fmt.Errorf("no answer from %s within %v: %w", in.Addr(), x.t.c.AttemptTimeout, context.DeadlineExceeded)
	}
	if o := x.t.c.Observe; o != nil {
		a := Attempt{Service: x.b.service, Instance: in, Number: number, Hedge: hedge, Err: err, Duration: time.Since(start)}
		if resp != nil {
			a.Status = resp.StatusCode
		}
		o(a)
	}
	if err != nil {
		cancel(nil)
		done.Report(err)
		return result{err: err}
	}
	outcome := error(nil)
	if slices.Contains(x.t.c.RetryStatus, resp.StatusCode) {
		outcome = statusError{resp.StatusCode}
	}
	if x.repeatable && fits(resp, x.t.c.BufferResponse) {
		if err := readAhead(resp); err != nil {
			cancel(nil)
			done.Report(err)
			return result{err: err}
		}
	}
	resp.Body = watchBody(resp.Body, func(err error) {
		cancel(nil)
		if err == nil {
			err = outcome
		}
		done.Report(err)
	})
	return result{resp, outcome}
}

// roundTrip sends the request to an instance.
func (x *exchange) roundTrip(ctx context.Context, in Instance) (*http.Response, error) {
	body, err := x.body.next(ctx)
	if err != nil {
		return nil, err
	}
	out := x.req.WithContext(ctx)
	u := *x.req.URL
	u.Host = in.Addr()
	out.URL = &u
	if out.Host == "" {
		out.Host = x.req.URL.Host
	}
	out.Body = body
	return x.t.c.Base.RoundTrip(out)
}
