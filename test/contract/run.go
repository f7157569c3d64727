package contract

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

func (r *runner) request(st *Step, v vars) (*http.Request, error) {
	path, err := v.expand(st.Path)
	if err != nil {
		return nil, err
	}
	base := r.base
	if strings.HasPrefix(path, targetScheme) {
		base, path = r.target, strings.TrimPrefix(path, targetScheme)
	}
	query, err := queryString(st.Query, v)
	if err != nil {
		return nil, err
	}
	if query != "" {
		path += "?" + query
	}
	var body io.Reader
	if len(st.Body) > 0 {
		raw, err := bodyBytes(st.Body, v)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	method := st.Method
	if method == "" {
		method = "GET"
	}
	req, err := http.NewRequest(method, base+path, body)
	if err != nil {
		return nil, err
	}
	for name, value := range st.Headers {
		if value, err = v.expand(value); err != nil {
			return nil, err
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

// queryString takes a string as written, or an object whose values are
// strings, arrays of strings, or null for a bare name.
func queryString(raw json.RawMessage, v vars) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	x, err := decode(raw)
	if err != nil {
		return "", err
	}
	if x, err = v.expandJSON(x); err != nil {
		return "", err
	}
	switch q := x.(type) {
	case string:
		return q, nil
	case map[string]any:
		var parts []string
		add := func(k string, val any) {
			if val == nil {
				parts = append(parts, url.QueryEscape(k))
			} else {
				parts = append(parts, url.QueryEscape(k)+"="+url.QueryEscape(fmt.Sprint(val)))
			}
		}
		for _, k := range sortedKeys(q) {
			if list, ok := q[k].([]any); ok {
				for _, e := range list {
					add(k, e)
				}
				continue
			}
			add(k, q[k])
		}
		return strings.Join(parts, "&"), nil
	}
	return "", fmt.Errorf("query is neither a string nor an object")
}

// bodyBytes sends {"text":...}, {"base64":...}, {"repeat":...,"times":...} and
// {"parts":[...]} of these as bytes, and every other value as JSON.
func bodyBytes(raw json.RawMessage, v vars) ([]byte, error) {
	x, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if x, err = v.expandJSON(x); err != nil {
		return nil, err
	}
	if out, ok, err := formBytes(x); ok || err != nil {
		return out, err
	}
	return encode(x)
}

// formBytes is false for a value that is none of the byte forms.
func formBytes(x any) (out []byte, ok bool, err error) {
	m, isMap := x.(map[string]any)
	if !isMap {
		return nil, false, nil
	}
	text, isText := m["text"].(string)
	b64, isB64 := m["base64"].(string)
	unit, isUnit := m["repeat"].(string)
	times, isTimes := m["times"].(json.Number)
	parts, isParts := m["parts"].([]any)
	switch {
	case isText && len(m) == 1:
		return []byte(text), true, nil
	case isB64 && len(m) == 1:
		out, err = base64.StdEncoding.DecodeString(b64)
		return out, true, err
	case isUnit && isTimes && len(m) == 2:
		n, err := times.Int64()
		return []byte(strings.Repeat(unit, int(n))), true, err
	case isParts && len(m) == 1:
		for _, p := range parts {
			b, ok, err := formBytes(p)
			if !ok || err != nil {
				return nil, true, fmt.Errorf("bad part of a body: %v", err)
			}
			out = append(out, b...)
		}
		return out, true, nil
	}
	return nil, false, nil
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

// capture stores the values a step names into v.
func (a *answer) capture(st *Step, v vars) []string {
	var problems []string
	for name, what := range st.Capture {
		val, err := a.selectValue(what, v)
		if err != nil {
			problems = append(problems, fmt.Sprintf("capture of %s: %v", name, err))
			continue
		}
		v[name] = val
	}
	return problems
}

// selectValue reads "status", "elapsed_ms", "size", "body", "header:NAME",
// "count:/pointer" (elements), "len:/pointer" (bytes of a string) or
// "/pointer" from an answer.
func (a *answer) selectValue(what string, v vars) (any, error) {
	what, err := v.expand(what)
	if err != nil {
		return nil, err
	}
	switch {
	case what == "status":
		return json.Number(fmt.Sprint(a.status)), nil
	case what == "elapsed_ms":
		return json.Number(fmt.Sprint(a.elapsed.Milliseconds())), nil
	case what == "size":
		return json.Number(fmt.Sprint(len(a.raw))), nil
	case what == "body":
		return string(a.raw), nil
	case strings.HasPrefix(what, "header:"):
		val := a.header.Get(strings.TrimPrefix(what, "header:"))
		if val == "" {
			return nil, fmt.Errorf("no header %s", strings.TrimPrefix(what, "header:"))
		}
		return val, nil
	case strings.HasPrefix(what, "len:"):
		x, err := lookup(a.json, strings.TrimPrefix(what, "len:"))
		if err != nil {
			return nil, err
		}
		return json.Number(fmt.Sprint(len(fmt.Sprint(x)))), nil
	case strings.HasPrefix(what, "count:"):
		x, err := lookup(a.json, strings.TrimPrefix(what, "count:"))
		if err != nil {
			return nil, err
		}
		switch c := x.(type) {
		case []any:
			return json.Number(fmt.Sprint(len(c))), nil
		case map[string]any:
			return json.Number(fmt.Sprint(len(c))), nil
		}
		return nil, fmt.Errorf("%s has no elements to count", what)
	}
	return lookup(a.json, what)
}

// assert checks the assertions of a step.
func (a *answer) assert(st *Step, v vars) []string {
	var problems []string
	for _, as := range st.Assert {
		if p := a.assertOne(as, v); p != "" {
			problems = append(problems, p)
		}
	}
	for _, name := range st.NoHeaders {
		if got := a.header.Get(name); got != "" {
			problems = append(problems, fmt.Sprintf("header %s: want none, got %q", name, got))
		}
	}
	return problems
}

func (a *answer) assertOne(as Assertion, v vars) string {
	left, err := a.selectValue(fmt.Sprint(as[0]), v)
	if err != nil {
		return fmt.Sprintf("%v: %v", as[0], err)
	}
	right := as[2]
	if s, ok := right.(string); ok {
		if strings.HasPrefix(s, "@") {
			if right, err = a.selectValue(s[1:], v); err != nil {
				return fmt.Sprintf("%v: %v", s, err)
			}
		} else if right, err = v.expand(s); err != nil {
			return err.Error()
		}
	}
	l, r := fmt.Sprint(left), fmt.Sprint(right)
	op := fmt.Sprint(as[1])
	var ok bool
	switch op {
	case "==":
		ok = l == r
	case "!=":
		ok = l != r
	case "contains":
		ok = strings.Contains(l, r)
	default:
		var cmp int
		if cmp, err = compareNumbers(l, r); err != nil {
			return err.Error()
		}
		switch op {
		case "<":
			ok = cmp < 0
		case "<=":
			ok = cmp <= 0
		case ">":
			ok = cmp > 0
		case ">=":
			ok = cmp >= 0
		default:
			return fmt.Sprintf("unknown operator %q", op)
		}
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%v is %s, want %s %s", as[0], short(l), op, short(r))
}
