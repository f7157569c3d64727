package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/pkg/api"
)

// Limits of the verdicts on machines. A server syncs its log for every batch
// of writes, so that is the pace of writing.
const (
	slowSyncs     = 100.0 // a second
	crawlingSyncs = 20.0
	fullDisk      = 90.0 // percent
	brimmingDisk  = 97.0
	measured      = time.Second
)

// dns asks each server's DNS port for its own domain.
func (e *examination) dns(ctx context.Context) {
	for _, s := range e.answer {
		port, _ := s.self.DebugConfig["DNSPort"].(float64)
		domain, _ := s.self.DebugConfig["DNSDomain"].(string)
		if port <= 0 || domain == "" {
			e.add("DNS of "+s.name, verdictUnknown, "", "is turned off, or hidden")
			continue
		}
		addr := net.JoinHostPort(hostOf(s.addr), strconv.Itoa(int(port)))
		r := resolver{server: addr}
		msg, err := r.ask(ctx, dns.Fqdn(domain), dns.TypeSOA)
		switch {
		case err != nil:
			e.add("DNS of "+s.name, verdictWarning, "open port "+addr+" (UDP and TCP) if programs should use it", "%v", err)
		case msg.Rcode != dns.RcodeSuccess:
			e.add("DNS of "+s.name, verdictWarning, "see the log of the server", "%s answers %s", addr, dns.RcodeToString[msg.Rcode])
		default:
			e.add("DNS of "+s.name, verdictOK, "", "%s answers for %s", addr, strings.TrimSuffix(domain, "."))
		}
	}
}

// disk judges the disk of a server by what it tells.
func (e *examination) disk(ctx context.Context, s *examined) {
	if disk, ok := s.host["Disk"].(map[string]any); ok {
		used, _ := disk["usedPercent"].(float64)
		verdict := verdictOK
		switch {
		case used > brimmingDisk:
			verdict = verdictBad
		case used > fullDisk:
			verdict = verdictWarning
		}
		e.add("disk of "+s.name, verdict, "make room: a server whose disk is full stops writing", "%.0f%% full at %v", used, disk["path"])
	}
	m, err := s.c.Agent().Metrics(ctx)
	if err != nil {
		e.add("syncs of "+s.name, verdictUnknown, "", "%v", cause(err))
		return
	}
	if rate := pace(m); rate > 0 {
		e.syncs("syncs of "+s.name, rate)
		return
	}
	e.add("syncs of "+s.name, verdictUnknown, "run registryctl doctor -data-dir=… on its machine",
		"it wrote nothing in the last seconds, so its pace is not known")
}

// pace is how many batches of writes a second the server's log could take at
// the speed of the last ones, 0 if there were none. It is the leader or a
// follower, so one of the two figures is there.
func pace(m *api.Metrics) float64 {
	for _, s := range m.Samples {
		own := strings.HasSuffix(s.Name, ".raft.leader.dispatchLog") || strings.HasSuffix(s.Name, ".raft.rpc.appendEntries.storeLogs")
		if own && s.Mean > 0 {
			return float64(time.Second/time.Millisecond) / s.Mean // in milliseconds
		}
	}
	return 0
}

// syncs judges how many batches of writes a disk takes in a second.
func (e *examination) syncs(check string, rate float64) {
	verdict := verdictOK
	switch {
	case rate < crawlingSyncs:
		verdict = verdictBad
	case rate < slowSyncs:
		verdict = verdictWarning
	}
	e.add(check, verdict, "use a faster disk, of its own if possible: no write is faster than a sync", "%.0f a second", rate)
}

// fsync measures how often the disk of a directory can be synced.
func (e *examination) fsync(ctx context.Context, dir string) {
	rate, err := syncRate(ctx, dir)
	if err != nil {
		e.add("syncs in "+dir, verdictUnknown, "give a directory that can be written to", "%v", err)
		return
	}
	e.syncs("syncs in "+dir, rate)
}

// syncRate appends to a file and syncs it, again and again for a while, and
// returns how often it did in a second.
func syncRate(ctx context.Context, dir string) (float64, error) {
	f, err := os.CreateTemp(dir, ".registryctl-doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	began := time.Now()
	for n := 1; ; n++ {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		if spent := time.Since(began); spent >= measured || ctx.Err() != nil {
			return float64(n) / spent.Seconds(), ctx.Err()
		}
	}
}
