package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Consistency says how fresh the answer to a read must be.
type Consistency uint8

// The consistency modes.
const (
	// ReadDefault sees every write acknowledged before the read began,
	// relying on the leader's lease.
	ReadDefault Consistency = iota
	// ReadConsistent is as ReadDefault, and the leader makes sure with a
	// majority that it still leads.
	ReadConsistent
	// ReadStale lets any server answer at once from what it has;
	// QueryMeta.LastContact says how old that may be.
	ReadStale
)

// QueryOptions refine a read. Nil and the zero value ask for everything, now,
// from the server's datacenter. A field that an endpoint does not know is
// ignored by it.
type QueryOptions struct {
	Datacenter  string // empty means the client's
	Token       string // empty means the client's
	Consistency Consistency
	// MaxStale is the oldest stale answer to accept; above 0 it implies
	// ReadStale.
	MaxStale time.Duration

	// Index makes the read a blocking query: it is answered when there is
	// something newer than Index (from an earlier QueryMeta), or after Wait
	// (0 means the server's 5 minutes; at most 10).
	Index uint64
	Wait  time.Duration
	// Hash makes the read of one service from an agent wait until its content
	// hash differs from Hash.
	Hash string

	Near     string            // sort by distance from this node; "_agent" is the server asked
	NodeMeta map[string]string // only nodes that have all of these
	Tags     []string          // only instances that have all of these
	Passing  bool              // only instances all of whose checks pass
	Filter   string            // only what this expression selects
	Limit    int               // prepared queries, history: at most so many results; 0 means all
	After    uint64            // history: only what happened after this index
	Since    time.Time         // history: only what happened from then on

	// Cached lets the server answer from its cache. MaxAge and StaleIfError
	// (0 means not given) bound the age of a cached answer, and how much older
	// it may be when the cluster cannot be asked.
	Cached       bool
	MaxAge       time.Duration
	StaleIfError time.Duration
}

// QueryMeta tells about the answer to a read.
type QueryMeta struct {
	// Index is what to pass as QueryOptions.Index to wait for the next
	// change; 0 if the endpoint cannot wait.
	Index       uint64
	LastContact time.Duration // since the server last heard of the leader
	KnownLeader bool
	// Consistency is the mode in effect ("leader", "consistent", "stale"), or
	// empty if the endpoint does not say.
	Consistency string
	ContentHash string        // what to pass as QueryOptions.Hash
	CacheHit    bool          // the answer is from the server's cache
	CacheAge    time.Duration // its age then
	FilteredACL bool          // the token was not allowed to see all
	Address     string        // the server that answered, as in Client.Addresses
	RequestTime time.Duration // how long the answer took, failed attempts included
	// Silent names the servers that did not tell their part of the answer in
	// time; nil for nearly all endpoints, whose answers come from one server.
	Silent []string
}

// SilentHeader is the header that QueryMeta.Silent comes from, separated by commas.
const SilentHeader = "X-Registryd-Silent"

// blocking reports whether the server may wait before it answers.
func (q *QueryOptions) blocking() bool {
	return q != nil && (q.Index > 0 || q.Hash != "")
}

// waitLimit is the longest a server may take to answer by its own rules.
func (q *QueryOptions) waitLimit() time.Duration {
	if !q.blocking() {
		return 0
	}
	wait := q.Wait
	if wait <= 0 {
		wait = 5 * time.Minute
	}
	wait = min(wait, 10*time.Minute)
	return wait + wait/16
}

// apply writes the options into a request's parameters and header.
func (q *QueryOptions) apply(v url.Values, h http.Header) {
	if q == nil {
		return
	}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("dc", q.Datacenter)
	set("near", q.Near)
	set("filter", q.Filter)
	set("hash", q.Hash)
	switch {
	case q.MaxStale > 0:
		v.Set("stale", "")
		v.Set("max_stale", q.MaxStale.String())
	case q.Consistency == ReadStale:
		v.Set("stale", "")
	case q.Consistency == ReadConsistent:
		v.Set("consistent", "")
	}
	if q.Index > 0 {
		v.Set("index", strconv.FormatUint(q.Index, 10))
	}
	if q.Wait > 0 {
		v.Set("wait", q.Wait.String())
	}
	for key, value := range q.NodeMeta {
		v.Add("node-meta", key+":"+value)
	}
	for _, tag := range q.Tags {
		v.Add("tag", tag)
	}
	if q.Passing {
		v.Set("passing", "1")
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.After > 0 {
		v.Set("after", strconv.FormatUint(q.After, 10))
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Cached {
		v.Set("cached", "")
		addCacheControl(h, "max-age", q.MaxAge)
		addCacheControl(h, "stale-if-error", q.StaleIfError)
	}
	if q.Token != "" {
		h.Set("X-Consul-Token", q.Token)
	}
}

// addCacheControl adds a directive in whole seconds, rounded up: an age below
// one second would otherwise turn into "never from the cache".
func addCacheControl(h http.Header, name string, d time.Duration) {
	if d <= 0 {
		return
	}
	value := name + "=" + strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
	if old := h.Get("Cache-Control"); old != "" {
		value = old + ", " + value
	}
	h.Set("Cache-Control", value)
}

// parseMeta reads the headers of an answer. Headers that are absent or
// unreadable leave their field zero.
func parseMeta(h http.Header) QueryMeta {
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(h.Get(name), 10, 63)
		if err != nil {
			return 0
		}
		return n
	}
	var silent []string
	if v := h.Get(SilentHeader); v != "" {
		silent = strings.Split(v, ",")
	}
	return QueryMeta{
		Silent:      silent,
		Index:       number("X-Consul-Index"),
		LastContact: time.Duration(number("X-Consul-LastContact")) * time.Millisecond,
		KnownLeader: h.Get("X-Consul-KnownLeader") == "true",
		Consistency: h.Get("X-Consul-Effective-Consistency"),
		ContentHash: h.Get("X-Consul-ContentHash"),
		CacheHit:    h.Get("X-Cache") == "HIT",
		CacheAge:    time.Duration(number("Age")) * time.Second,
		FilteredACL: h.Get("X-Consul-Results-Filtered-By-ACLs") == "true",
	}
}
