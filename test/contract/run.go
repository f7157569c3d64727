package contract

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	requestTimeout  = 120 * time.Second
	pollEvery       = 100 * time.Millisecond
	backgroundStart = 200 * time.Millisecond // lets a blocking query reach the server
	targetScheme    = "target:"              // a path the target listener answers
)

// runner sends the requests of scenarios to one server.
type runner struct {
	base   string // http://host:port
	target string // http://host:port of the target listener
	client *http.Client
	facts  vars
}

func newRunner(base, target string) *runner {
	return &runner{
		base:   strings.TrimRight(base, "/"),
		target: target,
		client: &http.Client{
			Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}
}

// answer is what the server said to one request.
type answer struct {
	status  int
	header  http.Header
	raw     []byte
	json    any
	isJSON  bool
	elapsed time.Duration
	err     error
}

// outcome is one compared step. before holds the variables as they were when
// the answer came, after also holds what the step captured.
type outcome struct {
	step     *Step
	answer   *answer
	before   vars
	after    vars
	problems []string
}

// run goes through a scenario and reports every step that is to be compared.
func (r *runner) run(sc *Scenario, report func(*outcome)) {
	v := r.facts.clone()
	waiting := map[string]chan *answer{}
	for _, st := range sc.Steps {
		time.Sleep(time.Duration(st.DelayMS) * time.Millisecond)
		if st.isPause() {
			continue
		}
		if st.Background {
			ch := make(chan *answer, 1)
			waiting[st.Name] = ch
			req, err := r.request(st, v)
			if err != nil {
				ch <- &answer{err: err}
				continue
			}
			go func() { ch <- r.do(req) }()
			time.Sleep(backgroundStart)
			continue
		}
		o := &outcome{step: st, before: v.clone()}
		switch {
		case st.Await != "":
			select {
			case o.answer = <-waiting[st.Await]:
			case <-time.After(requestTimeout):
				o.answer = &answer{err: fmt.Errorf("no answer to %q within %s", st.Await, requestTimeout)}
			}
		default:
			o.answer = r.send(st, v)
		}
		if o.answer.err != nil {
			o.problems = append(o.problems, o.answer.err.Error())
		} else {
			o.problems = append(o.problems, o.answer.capture(st, v)...)
			o.problems = append(o.problems, o.answer.assert(st, v)...)
		}
		o.after = v.clone()
		report(o)
	}
	for _, st := range sc.Cleanup {
		time.Sleep(time.Duration(st.DelayMS) * time.Millisecond)
		if req, err := r.request(st, v); err == nil {
			r.do(req)
		}
	}
}

// send performs a step, again and again if it has an until.
func (r *runner) send(st *Step, v vars) *answer {
	var want any
	if st.Until != nil && st.Until.Value != nil {
		var err error
		if want, err = decode(st.Until.Value); err != nil {
			return &answer{err: err}
		}
	}
	start := time.Now()
	for {
		req, err := r.request(st, v)
		if err != nil {
			return &answer{err: err}
		}
		a := r.do(req)
		if a.err != nil || st.Until == nil || a.reached(st.Until, want, v) {
			return a
		}
		limit := time.Duration(st.Until.TimeoutMS) * time.Millisecond
		if time.Since(start) > limit {
			at, got := st.Until.Pointer, any(nil)
			if at, err = v.expand(at); err == nil {
				got, _ = lookup(a.json, at)
			}
			a.err = fmt.Errorf("status %d and %s not as awaited within %s, last %s", a.status, place(at), limit, short(got))
			return a
		}
		time.Sleep(pollEvery)
	}
}

func (a *answer) reached(u *Until, want any, v vars) bool {
	if u.Status != 0 && a.status != u.Status {
		return false
	}
	if u.Value == nil {
		return true
	}
	at, err := v.expand(u.Pointer)
	if err != nil {
		return false
	}
	got, err := lookup(a.json, at)
	if err != nil {
		return false
	}
	return len((&comparer{vars: v}).diff(at, want, got)) == 0
}

func (r *runner) do(req *http.Request) *answer {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	start := time.Now()
	resp, err := r.client.Do(req.WithContext(ctx))
	if err != nil {
		return &answer{err: err}
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.raw, a.err = io.ReadAll(resp.Body)
	a.elapsed = time.Since(start)
	if a.err == nil && resp.Header.Get("Content-Encoding") == "gzip" {
		a.raw, a.err = gunzip(a.raw)
	}
	if a.err == nil && len(a.raw) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if a.json, err = decode(a.raw); err != nil {
			a.err = fmt.Errorf("the body is called JSON but is not: %w", err)
		}
		a.isJSON = err == nil
	}
	return a
}

// index is the X-Consul-Index of an answer, empty if there is none.
func (a *answer) index() string {
	if a.err != nil {
		return ""
	}
	return a.header.Get("X-Consul-Index")
}

func gunzip(raw []byte) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zr)
}
