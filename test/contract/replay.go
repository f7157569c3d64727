// Package contract replays recorded exchanges with a real Consul 1.16 against
// registryd: the answers must not differ. recordings/README.md describes the
// format.
package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// Replay plays the recordings in dir whose path matches run and not skip (nil
// means all, or none) against the server at addr, and calls report for each
// compared step with what differs, if anything.
func Replay(addr, dir string, run, skip *regexp.Regexp, report func(file, step string, problems []string)) error {
	scenarios, err := loadDir(dir, run, skip)
	if err != nil {
		return err
	}
	if len(scenarios) == 0 {
		return fmt.Errorf("no recordings in %s", dir)
	}
	target, err := startTarget()
	if err != nil {
		return err
	}
	r := newRunner(addr, "http://"+target)
	defer r.client.CloseIdleConnections()
	if err := r.ready("", target, 30*time.Second); err != nil {
		return err
	}
	for _, sc := range scenarios {
		r.run(sc, func(o *outcome) {
			problems := o.problems
			if o.answer.err == nil {
				problems = append(compare(o), problems...)
			}
			report(sc.file, o.step.Name, problems)
		})
	}
	return nil
}

// settle is how long the list of nodes must stay the same: a server that has
// just started may still be correcting its own entry.
const settle = 4 * time.Second

// ready waits for a leader, for the server to list itself and for that to
// settle, then learns what recordings write as ${node}, ${node_id}, ${addr}.
func (r *runner) ready(token, target string, wait time.Duration) error {
	u, err := url.Parse(r.base)
	if err != nil {
		return err
	}
	r.facts = vars{"http_addr": u.Host, "target": target}
	get := func(path string) *answer {
		req, err := http.NewRequest("GET", r.base+path, nil)
		if err != nil {
			return &answer{err: err}
		}
		if token != "" {
			req.Header.Set("X-Consul-Token", token)
		}
		return r.do(req)
	}
	deadline := time.Now().Add(wait)
	for {
		a := get("/v1/status/leader")
		if leader, ok := a.json.(string); ok && leader != "" {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s names no leader within %s", r.base, wait)
		}
		time.Sleep(pollEvery)
	}
	for time.Now().Before(deadline) {
		a := get("/v1/health/service/consul?passing")
		if list, ok := a.json.([]any); ok && len(list) > 0 || a.status == http.StatusForbidden {
			break
		}
		if _, ok := a.json.([]any); ok && token == "" {
			// Listing nothing is also what an anonymous caller gets under ACLs.
			if self := get("/v1/agent/self"); self.status == http.StatusForbidden {
				break
			}
		}
		time.Sleep(pollEvery)
	}
	index, since := "", time.Now()
	for time.Since(since) < settle && time.Now().Before(deadline) {
		if now := get("/v1/catalog/nodes").index(); now != index {
			index, since = now, time.Now()
		}
		time.Sleep(pollEvery)
	}
	self := get("/v1/agent/self")
	for name, at := range map[string]string{"node": "/Config/NodeName", "node_id": "/Config/NodeID", "addr": "/Member/Addr"} {
		if val, err := lookup(self.json, at); err == nil {
			r.facts[name] = val
		}
	}
	return nil
}
