package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeCluster is a small registry in memory that any number of fake servers
// answer from: keys, sessions, service instances and their TTL checks. It
// treats clients as harshly as the contract allows: sessions end the moment
// their TTL is over.
type fakeCluster struct {
	mu       sync.Mutex
	index    uint64
	changed  chan struct{} // closed and replaced at each change
	keys     map[string]*KVPair
	delays   map[string]time.Time // lock-delays by key
	sessions map[string]*fakeSession
	services map[string]*Entry // by node and ID
	dead     map[string]bool   // servers the catalog holds for dead
	log      []string          // writes: "METHOD path"
}

type fakeSession struct {
	ttl, delay time.Duration
	behavior   string
	timer      *time.Timer
}

func newFakeCluster(t *testing.T) *fakeCluster {
	f := &fakeCluster{
		index: 10, changed: make(chan struct{}), keys: map[string]*KVPair{}, delays: map[string]time.Time{},
		sessions: map[string]*fakeSession{}, services: map[string]*Entry{}, dead: map[string]bool{},
	}
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, s := range f.sessions {
			s.timer.Stop()
		}
	})
	return f
}

// fakeServer is one door to the cluster.
type fakeServer struct {
	*fakeCluster
	name string
	mu   sync.Mutex
	fail http.HandlerFunc // in place of an answer, if not nil
}

// server adds a server of the name at the address NAME:1.
func (f *fakeCluster) server(t *testing.T, n *memNet, name string) (*fakeServer, *memHost) {
	s := &fakeServer{fakeCluster: f, name: name}
	return s, n.serve(t, name+":1", s)
}

// failWith makes the server answer by h; nil makes it work again.
func (s *fakeServer) failWith(h http.HandlerFunc) {
	s.mu.Lock()
	s.fail = h
	s.mu.Unlock()
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		fail(w, r)
		return
	}
	s.answer(w, r)
}

// answer serves a request, whatever failWith says.
func (s *fakeServer) answer(w http.ResponseWriter, r *http.Request) {
	s.fakeCluster.mu.Lock()
	defer s.fakeCluster.mu.Unlock()
	if r.Method != http.MethodGet {
		s.log = append(s.log, r.Method+" "+r.URL.Path)
	}
	switch path := r.URL.Path; {
	case path == "/v1/status/leader":
		writeJSON(w, s.index, "10.0.0.1:8300")
	case strings.HasPrefix(path, "/v1/session/"):
		s.serveSession(w, r)
	case strings.HasPrefix(path, "/v1/kv/"):
		s.serveKey(w, r)
	case path == "/v1/txn":
		s.serveTxn(w, r)
	default:
		s.serveService(w, r)
	}
}

func writeJSON(w http.ResponseWriter, index uint64, v any) {
	w.Header().Set("X-Consul-Index", fmt.Sprint(index))
	_ = json.NewEncoder(w).Encode(v)
}

// change counts a write and wakes whoever waits. The lock is held.
func (f *fakeCluster) change() uint64 {
	f.index++
	close(f.changed)
	f.changed = make(chan struct{})
	return f.index
}

// edit changes the state from a test.
func (f *fakeCluster) edit(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	f.change()
}

// writes counts the writes that begin with the prefix.
func (f *fakeCluster) writes(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.log {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

// wait holds a blocking query until its index is passed. The lock is held, and
// given back in between.
func (f *fakeCluster) wait(r *http.Request) {
	var index uint64
	_, _ = fmt.Sscan(r.URL.Query().Get("index"), &index)
	limit, err := time.ParseDuration(r.URL.Query().Get("wait"))
	if err != nil {
		limit = 5 * time.Minute
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for index > 0 && f.index <= index {
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			index = 0
		case <-r.Context().Done():
			index = 0
		}
		f.mu.Lock()
	}
}

func (f *fakeCluster) serveSession(w http.ResponseWriter, r *http.Request) {
	verb, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/session/"), "/")
	switch verb {
	case "create":
		var in struct{ TTL, LockDelay, Behavior string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		s := &fakeSession{behavior: in.Behavior, delay: 15 * time.Second}
		s.ttl, _ = time.ParseDuration(in.TTL)
		if d, err := time.ParseDuration(in.LockDelay); err == nil {
			s.delay = d
		}
		id = fmt.Sprintf("session-%d", f.change())
		s.timer = time.AfterFunc(s.ttl, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.endSession(id)
		})
		f.sessions[id] = s
		writeJSON(w, f.index, map[string]string{"ID": id})
	case "renew":
		s := f.sessions[id]
		if s == nil {
			refuse(w, NotFound, "session not found")
			return
		}
		s.timer.Reset(s.ttl)
		writeJSON(w, f.index, []*Session{{ID: id}})
	case "destroy":
		f.endSession(id)
		writeJSON(w, f.index, true)
	}
}

// endSession ends a session and frees its keys, with their lock-delay.
func (f *fakeCluster) endSession(id string) {
	s := f.sessions[id]
	if s == nil {
		return
	}
	s.timer.Stop()
	delete(f.sessions, id)
	index := f.change()
	for key, p := range f.keys {
		if p.Session != id {
			continue
		}
		f.delays[key] = time.Now().Add(s.delay)
		if s.behavior == SessionDelete {
			delete(f.keys, key)
			continue
		}
		free := *p
		free.Session, free.ModifyIndex = "", index
		f.keys[key] = &free
	}
}

func (f *fakeCluster) serveKey(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/v1/kv/")
	q := r.URL.Query()
	switch r.Method {
	case http.MethodGet:
		f.wait(r)
		var list []*KVPair
		for k, p := range f.keys {
			if k == key || q.Has("recurse") && strings.HasPrefix(k, key) {
				list = append(list, p)
			}
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Key < list[j].Key })
		if list == nil {
			w.Header().Set("X-Consul-Index", fmt.Sprint(f.index))
			w.WriteHeader(http.StatusNotFound)
			return
		}
		writeJSON(w, f.index, list)
	case http.MethodDelete:
		delete(f.keys, key)
		writeJSON(w, f.change(), true)
	default:
		f.putKey(w, r, key)
	}
}

func (f *fakeCluster) putKey(w http.ResponseWriter, r *http.Request, key string) {
	q := r.URL.Query()
	old := f.keys[key]
	if old == nil {
		old = &KVPair{}
	}
	p := &KVPair{Key: key, Session: old.Session, LockIndex: old.LockIndex, CreateIndex: old.CreateIndex}
	p.Value = make([]byte, max(r.ContentLength, 0))
	_, _ = r.Body.Read(p.Value)
	_, _ = fmt.Sscan(q.Get("flags"), &p.Flags)
	switch {
	case q.Has("acquire"):
		id := q.Get("acquire")
		if f.sessions[id] == nil {
			refuse(w, Refused, "invalid session")
			return
		}
		if old.Session != "" && old.Session != id || old.Session == "" && time.Now().Before(f.delays[key]) {
			writeJSON(w, f.index, false)
			return
		}
		if old.Session == "" {
			p.LockIndex++
		}
		p.Session = id
	case q.Has("release"):
		if old.Session == "" || old.Session != q.Get("release") {
			writeJSON(w, f.index, false)
			return
		}
		p.Session = ""
	}
	f.store(p)
	writeJSON(w, f.index, true)
}

func (f *fakeCluster) store(p *KVPair) {
	p.ModifyIndex = f.change()
	if p.CreateIndex == 0 {
		p.CreateIndex = p.ModifyIndex
	}
	f.keys[p.Key] = p
}

// serveTxn does transactions of one cas of a key.
func (f *fakeCluster) serveTxn(w http.ResponseWriter, r *http.Request) {
	var ops []*TxnOp
	_ = json.NewDecoder(r.Body).Decode(&ops)
	op := ops[0].KV
	old := f.keys[op.Key]
	if old == nil {
		old = &KVPair{}
	}
	if op.Verb != TxnCAS || op.Index != old.ModifyIndex {
		w.WriteHeader(http.StatusConflict)
		writeJSON(w, f.index, TxnResponse{Errors: []*TxnError{{What: "index is stale"}}})
		return
	}
	f.store(&KVPair{
		Key: op.Key, Value: op.Value, Flags: op.Flags,
		Session: old.Session, LockIndex: old.LockIndex, CreateIndex: old.CreateIndex,
	})
	left := *f.keys[op.Key]
	left.Value = nil
	writeJSON(w, f.index, TxnResponse{Results: []*TxnResult{{KV: &left}}})
}

func (s *fakeServer) serveService(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	base := path[strings.LastIndex(path, "/")+1:]
	switch {
	case path == "/v1/agent/service/register":
		var in ServiceRegistration
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			refuse(w, Invalid, err.Error())
			return
		}
		e := &Entry{Node: &Node{Node: s.name}, Service: &Service{ID: in.ID, Service: in.Name, Address: in.Address, Port: in.Port, Tags: in.Tags}}
		for _, c := range in.Checks {
			e.Checks = append(e.Checks, &Check{CheckID: c.CheckID, Status: c.Status, Type: "ttl", Interval: c.TTL.String()})
		}
		s.services[s.name+"/"+in.ID] = e
		s.change()
	case strings.HasPrefix(path, "/v1/agent/service/deregister/"):
		found := false
		for at, e := range s.services {
			if e.Service.ID == base {
				delete(s.services, at)
				found = true
			}
		}
		if !found {
			refuse(w, NotFound, "unknown service")
			return
		}
		s.change()
	case strings.HasPrefix(path, "/v1/agent/check/"):
		s.serveBeat(w, r, base)
	case path == "/v1/catalog/deregister":
		var in CatalogDeregistration
		_ = json.NewDecoder(r.Body).Decode(&in)
		delete(s.services, in.Node+"/"+in.ServiceID)
		s.change()
	case strings.HasPrefix(path, "/v1/health/service/"):
		s.wait(r)
		writeJSON(w, s.index, s.instances(base, r.URL.Query().Get("filter")))
	default:
		refuse(w, NotFound, "no such endpoint "+path)
	}
}

// serveBeat takes a heartbeat: by ID, through any server.
func (s *fakeServer) serveBeat(w http.ResponseWriter, r *http.Request, id string) {
	in := struct{ Status, Output string }{Status: Passing, Output: r.URL.Query().Get("note")}
	if strings.Contains(r.URL.Path, "/update/") {
		_ = json.NewDecoder(r.Body).Decode(&in)
	}
	found := false
	for _, e := range s.services {
		for _, c := range e.Checks {
			if c.CheckID == id {
				c.Status, c.Output, found = in.Status, in.Output, true
			}
		}
	}
	if !found {
		refuse(w, NotFound, "unknown check")
	}
}

// instances lists a service as /v1/health/service does.
func (f *fakeCluster) instances(name, filter string) []*Entry {
	list := []*Entry{}
	for _, e := range f.services {
		if e.Service.Service != name || filter != "" && filter != fmt.Sprintf("Service.ID == %q", e.Service.ID) {
			continue
		}
		copied := *e
		if f.dead[e.Node.Node] {
			copied.Checks = append([]*Check{{CheckID: SerfHealth, Status: Critical}}, e.Checks...)
		}
		list = append(list, &copied)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Node.Node < list[j].Node.Node })
	return list
}
