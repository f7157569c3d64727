package dnsserver

import (
	"strings"
	"time"
)

// Settings are the parts of the configuration that a reload may change. The
// zero value is not useful; see the fields for what each zero means.
type Settings struct {
	// AllowStale lets every server answer from its own state, as long as that
	// is not further behind the leader than MaxStale.
	AllowStale bool
	MaxStale   time.Duration

	NodeTTL time.Duration
	// ServiceTTL is by service name; "prefix*" and "*" are patterns. The exact
	// name wins, then the longest prefix.
	ServiceTTL map[string]time.Duration

	OnlyPassing        bool   // leave out instances with warnings too
	ARecordLimit       int    // most A or AAAA records in an answer; 0 means no limit
	UDPAnswerLimit     int    // most answers over UDP without EDNS; 0 means Consul's limit of 8
	DisableCompression bool   // write every name in full
	NodeMetaTXT        bool   // add node metadata to answers about nodes and SRV
	RecursorStrategy   string // "random"; all else is in order
	RecursorTimeout    time.Duration
	SOA                SOA
}

// SOA is the start-of-authority record, in seconds. MinTTL is how long a
// resolver may keep the news that something does not exist.
type SOA struct {
	Refresh, Retry, Expire, MinTTL uint32
}

// defaultRecursorTimeout is used when none is set, as a recursor that never
// answers must not hold a question for ever.
const defaultRecursorTimeout = 2 * time.Second

// settings is a Settings made ready for use. It is frozen; a reload makes a
// new one, and by its pointer cached answers know what they were made with.
type settings struct {
	Settings
	nodeTTL uint32
	ttls    ttlTable
}

func newSettings(s Settings) *settings {
	if s.RecursorTimeout <= 0 {
		s.RecursorTimeout = defaultRecursorTimeout
	}
	if s.UDPAnswerLimit <= 0 || s.UDPAnswerLimit > maxPlainAnswers {
		s.UDPAnswerLimit = maxPlainAnswers
	}
	return &settings{Settings: s, nodeTTL: seconds(s.NodeTTL), ttls: newTTLTable(s.ServiceTTL)}
}

// ttlTable finds the TTL of a service name.
type ttlTable struct {
	exact    map[string]uint32
	prefixes map[string]uint32 // without the star
}

func newTTLTable(m map[string]time.Duration) ttlTable {
	t := ttlTable{exact: map[string]uint32{}, prefixes: map[string]uint32{}}
	for name, ttl := range m {
		name = strings.ToLower(name)
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			t.prefixes[prefix] = seconds(ttl)
		} else {
			t.exact[name] = seconds(ttl)
		}
	}
	return t
}

// of returns the TTL of the service in seconds, 0 if nothing is said of it.
func (t ttlTable) of(service string) uint32 {
	service = strings.ToLower(service)
	if ttl, ok := t.exact[service]; ok {
		return ttl
	}
	if len(t.prefixes) == 0 {
		return 0
	}
	for n := len(service); n >= 0; n-- {
		if ttl, ok := t.prefixes[service[:n]]; ok {
			return ttl
		}
	}
	return 0
}

// maxTTL is the largest TTL that is no negative number to anybody (RFC 2181,
// section 8).
const maxTTL = 1<<31 - 1

// seconds makes a duration a TTL.
func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), maxTTL))
}
