package dnsserver

import "github.com/miekg/dns"

// How much fits into an answer. The numbers are Consul's.
const (
	minUDPSize      = 512
	maxUDPSize      = 65467 // an IP packet less its headers and some room for options
	maxTCPSize      = 65535
	maxTCPAnswers   = 4096
	maxTCPSRV       = 1024
	maxPlainAnswers = 8 // over UDP without EDNS
)

// limits bound one answer.
type limits struct {
	size    int  // bytes
	answers int  // records in the answer section
	plain   bool // count sizes as if names were never compressed
}

// newLimits says what an answer may be: edns tells whether the question had an
// OPT record, offered the size in it.
func newLimits(set *settings, tcp, edns bool, offered, qtype uint16) limits {
	switch {
	case tcp && qtype == dns.TypeSRV:
		return limits{size: maxTCPSize, answers: maxTCPSRV}
	case tcp:
		return limits{size: maxTCPSize, answers: maxTCPAnswers}
	case edns:
		return limits{size: min(max(int(offered), minUDPSize), maxUDPSize), answers: maxUDPSize}
	}
	return limits{size: minUDPSize, answers: set.UDPAnswerLimit, plain: true}
}
