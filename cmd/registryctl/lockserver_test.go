package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/registryd/registryd/pkg/api"
)

// lockServer keeps keys and sessions, as far as locks need them.
type lockServer struct {
	*httptest.Server
	mu       sync.Mutex
	index    uint64
	keys     map[string]*api.KVPair
	sessions map[string]bool
	woken    chan struct{} // closed at each change
}

func newLockServer(t *testing.T) *lockServer {
	s := &lockServer{index: 10, keys: map[string]*api.KVPair{}, sessions: map[string]bool{}, woken: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *lockServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/v1/session/create":
		s.mu.Lock()
		s.index++
		id := fmt.Sprintf("session-%d", s.index)
		s.sessions[id] = true
		s.mu.Unlock()
		fmt.Fprintf(w, `{"ID":%q}`, id)
	case strings.HasPrefix(path, "/v1/session/renew/"):
		id := strings.TrimPrefix(path, "/v1/session/renew/")
		if !s.alive(id) {
			http.Error(w, "Session id '"+id+"' not found", http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `[{"ID":%q}]`, id)
	case strings.HasPrefix(path, "/v1/session/destroy/"):
		s.destroy(strings.TrimPrefix(path, "/v1/session/destroy/"))
		fmt.Fprint(w, "true")
	case strings.HasPrefix(path, "/v1/kv/"):
		s.kv(w, r, strings.TrimPrefix(path, "/v1/kv/"))
	default:
		http.NotFound(w, r)
	}
}

func (s *lockServer) alive(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// destroy ends a session and gives its locks back.
func (s *lockServer) destroy(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
	for _, p := range s.keys {
		if p.Session == id {
			p.Session = ""
			s.changed(p)
		}
	}
}

// changed moves the index and wakes who waits. The mutex is held.
func (s *lockServer) changed(p *api.KVPair) {
	s.index++
	if p != nil {
		p.ModifyIndex = s.index
	}
	close(s.woken)
	s.woken = make(chan struct{})
}

func (s *lockServer) kv(w http.ResponseWriter, r *http.Request, key string) {
	body, _ := io.ReadAll(r.Body)
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.keys[key]
	switch r.Method {
	case http.MethodGet:
		for q.Get("index") == fmt.Sprint(s.index) {
			woken := s.woken
			s.mu.Unlock()
			select {
			case <-woken:
			case <-r.Context().Done():
			}
			s.mu.Lock()
			if r.Context().Err() != nil {
				return
			}
		}
		w.Header().Set("X-Consul-Index", fmt.Sprint(s.index))
		if p = s.keys[key]; p == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode([]*api.KVPair{p})
	case http.MethodPut:
		fmt.Fprint(w, s.put(p, key, q.Get("acquire"), q.Get("release"), q.Get("flags"), body))
	case http.MethodDelete:
		if p != nil && q.Get("cas") == fmt.Sprint(p.ModifyIndex) {
			delete(s.keys, key)
			s.changed(nil)
		}
		fmt.Fprint(w, "true")
	}
}

// put acquires or releases a key and reports whether it did.
func (s *lockServer) put(p *api.KVPair, key, acquire, release, flags string, value []byte) bool {
	switch {
	case acquire != "" && (p == nil || p.Session == ""):
		if p == nil {
			p = &api.KVPair{Key: key}
			s.keys[key] = p
		}
		p.LockIndex++
		p.Session, p.Value = acquire, value
		_, _ = fmt.Sscan(flags, &p.Flags)
	case release != "" && p != nil && p.Session == release:
		p.Session = ""
	default:
		return false
	}
	s.changed(p)
	return true
}

// holder is the session that holds a key, "" if none does.
func (s *lockServer) holder(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.keys[key]; p != nil {
		return p.Session
	}
	return ""
}

// exists reports whether there is a key.
func (s *lockServer) exists(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key] != nil
}
