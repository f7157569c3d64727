package balance

import (
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Instance is a service instance that a Balancer knows. Values are small,
// comparable and equal for the same address and zone; two entries of the
// registry with one address are one Instance. The zero value stands for none; its methods must not be called.
type Instance struct{ e *endpoint }

// ID is the instance's ID in the registry, unique on its node.
func (i Instance) ID() string { return i.e.entry.Load().Service.ID }

// Addr is host:port, ready to be dialled.
func (i Instance) Addr() string { return i.e.addr }

// Zone is the "zone" of the instance's metadata, else of its node's, else
// empty.
func (i Instance) Zone() string { return i.e.zone }

// Entry is the instance with its node and checks as the registry listed it
// last. It must not be changed.
func (i Instance) Entry() *api.Entry { return i.e.entry.Load() }

// Outstanding is the number of picks of this Balancer that have not been
// reported on.
func (i Instance) Outstanding() int { return int(i.e.outstanding.Load()) }

// Valid reports whether the value stands for an instance.
func (i Instance) Valid() bool { return i.e != nil }

// endpoint is what a balancer keeps of an instance. It lives as long as the
// instance is listed under the same address and zone; picks that are still
// under way when it goes keep it a little longer.
type endpoint struct {
	addr  string
	zone  string
	hash  uint64 // of the identity, the same in every process
	owner *Balancer
	home  picker // of its zone
	entry atomic.Pointer[api.Entry]

	outstanding atomic.Int64
	good, bad   atomic.Uint64 // outcomes reported so far
	streak      atomic.Int32  // failures since the last success

	// Guarded by owner.mu.
	gone      bool      // no longer listed
	status    string    // worst of its checks
	weight    float64   // registered for that status
	fit       bool      // the registry's word: may be used
	since     time.Time // when it joined or came back, zero if it counts as warm
	ejected   bool
	until     time.Time // end of the ejection, or when the last one ended
	ejections int       // in a row; doubles the next one's length
	judged    [2]uint64 // good and bad when success rates were last compared

	// Guarded by home.
	slot     int // place in a schedule, -1 if none
	inflight int
	vtime    float64
}

// release undoes a pick.
func (e *endpoint) release() {
	e.outstanding.Add(-1)
	e.home.done(e)
}

// skipped reports whether the query passes over e.
func (e *endpoint) skipped(q query) bool { return q.skip != nil && q.skip(Instance{e}) }

// zoneOf is the zone of an entry, empty if it has none.
func zoneOf(x *api.Entry) string {
	if z := x.Service.Meta["zone"]; z != "" {
		return z
	}
	if x.Node != nil {
		return x.Node.Meta["zone"]
	}
	return ""
}

// addrOf is where an entry can be reached.
func addrOf(x *api.Entry) string {
	host, port := x.HostPort()
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// identityOf tells endpoints apart: another address is another place, with
// another history. Neither the ID nor the node counts: an instance that the
// cluster hands to another server is still the same.
func identityOf(addr, zone string) string { return addr + "\x00" + zone }
