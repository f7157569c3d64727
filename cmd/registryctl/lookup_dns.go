package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
)

// dnsLookup is how to ask a DNS server, as the flags say it.
type dnsLookup struct {
	on     bool
	addr   string
	kind   string
	domain string
}

func (d *dnsLookup) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&d.on, "dns", false, "ask by DNS, which leaves out critical instances")
	f.StringVar(&d.addr, "dns-addr", "", "`address` of the DNS server; that of --http-addr by default")
	f.StringVar(&d.kind, "dns-type", "srv", "`type` of the records to ask for: srv, a or aaaa")
	f.StringVar(&d.domain, "dns-domain", "", "`domain` of the names; the server's own by default")
	complete(cmd, "dns-type", "srv", "a", "aaaa")
}

// check refuses flags that do not go together.
func (d *dnsLookup) check(cmd *cobra.Command, s *selection) error {
	if !d.on {
		for _, name := range []string{"dns-addr", "dns-type", "dns-domain"} {
			if cmd.Flags().Changed(name) {
				return usagef("-%s needs -dns", name)
			}
		}
		return nil
	}
	for _, name := range []string{"passing", "filter", "near", "node-meta", "stale"} {
		if cmd.Flags().Changed(name) {
			return usagef("-%s cannot be asked by DNS", name)
		}
	}
	if len(s.tags) > 1 {
		return usagef("only one -tag can be asked by DNS")
	}
	if d.recordType() == dns.TypeNone {
		return usagef("-dns-type=%s is unknown: use srv, a or aaaa", d.kind)
	}
	return nil
}

func (d *dnsLookup) recordType() uint16 {
	switch strings.ToLower(d.kind) {
	case "srv":
		return dns.TypeSRV
	case "a":
		return dns.TypeA
	case "aaaa":
		return dns.TypeAAAA
	}
	return dns.TypeNone
}

// dnsAnswer is what came of a question.
type dnsAnswer struct {
	Server  string
	Name    string
	Type    string
	Rcode   string
	Records []dnsRecord
}

// dnsRecord is an instance as DNS tells of it.
type dnsRecord struct {
	Address  string
	Port     uint16 `json:",omitempty"`
	Target   string `json:",omitempty"`
	Priority uint16
	Weight   uint16
	TTL      uint32 // in seconds
}

// lookupDNS asks for the instances of a service.
func (t *tool) lookupDNS(ctx context.Context, d dnsLookup, service string, s *selection) error {
	if err := t.findDNS(ctx, &d); err != nil {
		return err
	}
	r := resolver{server: d.addr}
	a, err := r.records(ctx, dnsName(service, s.tags, t.conn.datacenter, d.domain), d.recordType())
	if err != nil {
		return err
	}
	if err := t.show(a, func(w io.Writer) {
		for _, rec := range a.Records {
			if rec.Port == 0 {
				fmt.Fprintln(w, rec.Address)
				continue
			}
			fmt.Fprintln(w, net.JoinHostPort(rec.Address, strconv.Itoa(int(rec.Port))))
		}
	}); err != nil || len(a.Records) > 0 {
		return err
	}
	return absentf("no %s record of %s at %s (%s)", a.Type, a.Name, a.Server, a.Rcode)
}

// dnsName is the name to ask for. One that ends with a dot is complete.
func dnsName(service string, tags []string, dc, domain string) string {
	if strings.HasSuffix(service, ".") {
		return service
	}
	labels := append(append([]string{}, tags...), service, "service")
	if dc != "" {
		labels = append(labels, dc)
	}
	return dns.Fqdn(strings.Join(append(labels, strings.Trim(domain, ".")), "."))
}

// findDNS fills in the address and the domain that were not given: as the HTTP
// server tells them, or else by the usual port and domain.
func (t *tool) findDNS(ctx context.Context, d *dnsLookup) error {
	if d.addr != "" {
		if _, _, err := net.SplitHostPort(d.addr); err != nil {
			d.addr = net.JoinHostPort(strings.Trim(d.addr, "[]"), "8600")
		}
	}
	if d.addr != "" && d.domain != "" {
		return nil
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	port, domain := 8600.0, "consul."
	if self, err := c.Agent().Self(ctx); err == nil {
		if v, ok := self.DebugConfig["DNSPort"].(float64); ok {
			port = v
		}
		if v, ok := self.DebugConfig["DNSDomain"].(string); ok {
			domain = v
		}
	}
	d.domain = cmp.Or(d.domain, domain)
	if d.addr == "" && port <= 0 {
		return errors.New("the server has DNS turned off: name another with -dns-addr")
	}
	d.addr = cmp.Or(d.addr, net.JoinHostPort(hostOf(c.Addresses()[0]), strconv.Itoa(int(port))))
	return nil
}

// hostOf is the host of an HTTP address in any of its forms.
func hostOf(addr string) string {
	if strings.HasPrefix(addr, "unix://") {
		return "127.0.0.1"
	}
	if u, err := url.Parse(addr); err == nil && u.Scheme != "" && u.Host != "" {
		return u.Hostname()
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return strings.Trim(addr, "[]")
}
