package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// resolver asks one DNS server.
type resolver struct {
	server string // host:port
}

// records asks for the records of a name. That there are none is no error;
// Rcode says why.
func (r *resolver) records(ctx context.Context, name string, kind uint16) (*dnsAnswer, error) {
	a := &dnsAnswer{Server: r.server, Name: name, Type: dns.TypeToString[kind], Records: []dnsRecord{}}
	msg, err := r.ask(ctx, name, kind)
	if err != nil {
		return nil, err
	}
	a.Rcode = dns.RcodeToString[msg.Rcode]
	if msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("DNS server %s answers %s to a question for %s", r.server, a.Rcode, name)
	}
	for _, rr := range msg.Answer {
		rec := dnsRecord{TTL: rr.Header().Ttl}
		switch v := rr.(type) {
		case *dns.A:
			rec.Address = v.A.String()
		case *dns.AAAA:
			rec.Address = v.AAAA.String()
		case *dns.SRV:
			rec.Port, rec.Target, rec.Priority, rec.Weight = v.Port, v.Target, v.Priority, v.Weight
			if rec.Address, err = r.target(ctx, v.Target, msg.Extra); err != nil {
				return nil, err
			}
		default:
			continue
		}
		if rr.Header().Rrtype == kind {
			a.Records = append(a.Records, rec)
		}
	}
	return a, nil
}

// target is the address of a SRV record's target: from what came along, or
// else by asking; the target itself when it has none.
func (r *resolver) target(ctx context.Context, name string, along []dns.RR) (string, error) {
	if addr := addressIn(along, name); addr != "" {
		return addr, nil
	}
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		msg, err := r.ask(ctx, name, kind)
		if err != nil {
			return "", err
		}
		if addr := addressIn(msg.Answer, name); addr != "" {
			return addr, nil
		}
	}
	return name, nil
}

// addressIn is the first address of the name among records, or "".
func addressIn(records []dns.RR, name string) string {
	for _, rr := range records {
		if dns.CanonicalName(rr.Header().Name) != dns.CanonicalName(name) {
			continue
		}
		switch v := rr.(type) {
		case *dns.A:
			return v.A.String()
		case *dns.AAAA:
			return v.AAAA.String()
		}
	}
	return ""
}

// ask sends a question over UDP, and again over TCP if the answer was cut.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(name, kind)
	q.SetEdns0(1232, false) // what passes every network whole
	var last error
	for _, network := range []string{"udp", "udp"} { // a packet may get lost
		msg, err := r.exchange(ctx, network, q)
		if err == nil && msg.Truncated {
			break
		}
		if err == nil {
			return msg, nil
		}
		last = err
	}
	msg, err := r.exchange(ctx, "tcp", q)
	if err != nil {
		return nil, fmt.Errorf("DNS server %s does not answer: %w", r.server, cmp.Or(last, err))
	}
	return msg, nil
}

func (r *resolver) exchange(ctx context.Context, network string, q *dns.Msg) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: 2 * time.Second}
	msg, _, err := c.ExchangeContext(ctx, q, r.server)
	return msg, err
}
