package config

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// validate refuses a configuration that cannot work. Each error is one line
// that says what is wrong and how to mend it.
func (l *loader) validate() error {
	for _, part := range []func() error{
		l.validateRole,
		l.validateIdentity,
		l.validateNodeMeta,
		l.validatePorts,
		l.validateJoin,
		l.validateNumbers,
		l.validateWords,
		l.validateNetworks,
		l.validateTLS,
		l.validateFiles,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) validateRole() error {
	c := l.c
	switch {
	case c.BootstrapExpect < 0:
		return l.fault("bootstrap_expect", "is %d: give the number of servers to wait for", c.BootstrapExpect)
	case c.Bootstrap && !c.Server:
		return l.fault("bootstrap", "needs a server: add -server")
	case c.BootstrapExpect > 0 && !c.Server:
		return l.fault("bootstrap_expect", "needs a server: add -server")
	case c.BootstrapExpect > 0 && c.Dev:
		return l.fault("bootstrap_expect", "cannot be used with -dev, which is always one server: leave one of them out")
	case c.BootstrapExpect > 0 && c.Bootstrap:
		return l.fault("bootstrap_expect", "cannot be used with bootstrap: leave one of them out")
	case c.ReadReplica && (c.Bootstrap || c.BootstrapExpect > 0):
		return l.fault("read_replica", "has no vote and cannot bootstrap: leave out bootstrap and bootstrap_expect")
	}
	return nil
}

var (
	datacenterName = regexp.MustCompile(`^[a-z0-9_-]+$`)
	dnsLabel       = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	metaKey        = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

func (l *loader) validateIdentity() error {
	c := l.c
	if !datacenterName.MatchString(c.Datacenter) {
		return l.fault("datacenter", "is %q: use letters, digits, - and _ only", clip(c.Datacenter))
	}
	if !datacenterName.MatchString(c.PrimaryDatacenter) {
		return l.fault("primary_datacenter", "is %q: use letters, digits, - and _ only", clip(c.PrimaryDatacenter))
	}
	if strings.TrimSpace(c.NodeName) == "" {
		return l.fault("node_name", "is empty: give this server a name with -node")
	}
	if !isDomain(c.NodeName) {
		l.warn("node_name", "node_name %q cannot be looked up over DNS: use labels of letters, digits and -, up to 63 long", clip(c.NodeName))
	}
	if !isDomain(c.Domain) {
		return l.fault("domain", "is %q: give a domain name, such as consul", clip(c.Domain))
	}
	if c.AltDomain != "" && !isDomain(c.AltDomain) {
		return l.fault("alt_domain", "is %q: give a domain name, such as example.com", clip(c.AltDomain))
	}
	if c.NodeID != "" {
		if len(c.NodeID) != 36 || uuid.Validate(c.NodeID) != nil {
			return l.fault("node_id", "is %q: give a UUID, or leave it out and one is made", clip(c.NodeID))
		}
	}
	return nil
}

// isDomain reports whether the name can be asked for over DNS: labels of up to
// 63 letters, digits and hyphens.
func isDomain(name string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if !dnsLabel.MatchString(label) || len(label) > 63 {
			return false
		}
	}
	return true
}

// Limits of node metadata, those of Consul.
const (
	maxMetaPairs = 64
	maxMetaKey   = 128
	maxMetaValue = 512
)

func (l *loader) validateNodeMeta() error {
	if len(l.c.NodeMeta) > maxMetaPairs {
		return l.fault("node_meta", "has %d pairs: %d are allowed", len(l.c.NodeMeta), maxMetaPairs)
	}
	for _, k := range slices.Sorted(maps.Keys(l.c.NodeMeta)) {
		v := l.c.NodeMeta[k]
		switch {
		case len(k) > maxMetaKey || !metaKey.MatchString(k):
			return l.fault("node_meta", "has the key %q: use letters, digits, - and _, up to %d", clip(k), maxMetaKey)
		case strings.HasPrefix(k, "consul-"):
			return l.fault("node_meta", "has the key %q: keys from consul- on are reserved", clip(k))
		case len(v) > maxMetaValue:
			return l.fault("node_meta", "has a value of %d characters at %q: %d are allowed", len(v), k, maxMetaValue)
		}
	}
	return nil
}

func (l *loader) validateJoin() error {
	for _, a := range l.c.RetryJoin {
		if a == "" {
			return l.fault("retry_join", "has an empty address: leave it out")
		}
		if strings.ContainsAny(a, " \t\n/") && !strings.Contains(a, "{{") {
			return l.fault("retry_join", "has %q: give a host, with a port after : if it is not the server port", clip(a))
		}
	}
	if l.c.RetryInterval <= 0 {
		return l.fault("retry_interval", "must be above zero, such as \"30s\"")
	}
	return nil
}

// maxHistory bounds the events that are kept: all servers hold them in memory,
// and a read of the history looks at each.
const maxHistory = 100000

// validateNumbers refuses numbers and durations out of range.
func (l *loader) validateNumbers() error {
	c := l.c
	for _, n := range []struct {
		key               string
		value, least, max int
	}{
		{"performance.raft_multiplier", c.Performance.RaftMultiplier, 1, 10},
		{"raft_protocol", c.Raft.Protocol, 2, 3},
		{"raft_snapshot_threshold", c.Raft.SnapshotThreshold, 1, 1 << 31},
		{"raft_trailing_logs", c.Raft.TrailingLogs, 1, 1 << 31},
		{"retry_max", c.RetryMax, 0, 1 << 31},
		{"check_output_max_size", c.CheckOutputMaxSize, 1, 1 << 20},
		{"dns_config.a_record_limit", c.DNS.ARecordLimit, 0, 1 << 31},
		{"dns_config.udp_answer_limit", c.DNS.UDPAnswerLimit, 0, 1 << 31},
		{"autopilot.max_trailing_logs", c.Autopilot.MaxTrailingLogs, 0, 1 << 31},
		{"autopilot.min_quorum", c.Autopilot.MinQuorum, 0, 1 << 31},
		{"history.max_count", c.History.MaxCount, 0, maxHistory},
		{"limits.http_max_conns_per_client", c.Limits.HTTPMaxConnsPerClient, 0, 1 << 31},
		{"limits.rpc_max_conns_per_client", c.Limits.RPCMaxConnsPerClient, 0, 1 << 31},
		{"limits.rpc_max_burst", c.Limits.RPCMaxBurst, 0, 1 << 31},
		{"http_config.max_header_bytes", c.HTTP.MaxHeaderBytes, 0, 1 << 31},
		{"log_rotate_bytes", c.Log.RotateBytes, 0, 1 << 62},
		{"log_rotate_max_files", c.Log.RotateMaxFiles, -1, 1 << 31},
	} {
		if n.value < n.least || n.value > n.max {
			return l.fault(n.key, "is %d: use %d to %d", n.value, n.least, n.max)
		}
	}
	for _, e := range table().entries {
		if d, ok := e.of(c).(*time.Duration); ok && *d < 0 {
			return l.fault(e.path, "is %s: a duration cannot be below zero", *d)
		}
	}
	if c.CheckDeregisterMin < time.Second {
		return l.fault("check_deregister_interval_min", "is %s: use 1s or more", c.CheckDeregisterMin)
	}
	if c.DefaultQueryTime > c.MaxQueryTime {
		return l.fault("default_query_time", "is %s, above max_query_time %s: lower it", c.DefaultQueryTime, c.MaxQueryTime)
	}
	return nil
}

// validateWords refuses values that are not among the few a key has.
func (l *loader) validateWords() error {
	c := l.c
	for _, w := range []struct {
		key, value string
		words      []string
	}{
		{"log_level", c.Log.Level, []string{"TRACE", "DEBUG", "INFO", "WARN", "ERR", "ERROR"}},
		{"raft_logstore.backend", c.RaftLog.Backend, []string{"boltdb", "wal"}},
		{"dns_config.recursor_strategy", c.DNS.RecursorStrategy, []string{"", "sequential", "random"}},
		{"limits.request_limits.mode", c.Limits.RequestLimits.Mode, []string{"", "disabled", "permissive", "enforcing"}},
		{"acl.default_policy", c.ACL.DefaultPolicy, []string{"allow", "deny"}},
		{"acl.down_policy", c.ACL.DownPolicy, []string{"allow", "deny", "extend-cache", "async-cache"}},
	} {
		if err := oneOf(w.value, w.words); err != nil {
			return l.fault(w.key, "%w", err)
		}
	}
	for _, f := range c.Telemetry.PrefixFilter {
		if len(f) < 2 || f[0] != '+' && f[0] != '-' {
			l.warn("telemetry.prefix_filter", "telemetry.prefix_filter %q has no effect: begin it with + or -", clip(f))
		}
	}
	return nil
}

func oneOf(value string, words []string) error {
	for _, w := range words {
		if value == w {
			return nil
		}
	}
	return fmt.Errorf("is %q: use one of %s", clip(value), strings.TrimPrefix(strings.Join(words, ", "), ", "))
}

func (l *loader) validateNetworks() error {
	for _, n := range []struct {
		key  string
		list []string
	}{
		{"http_config.allow_write_http_from", l.c.HTTP.AllowWriteFrom},
		{"serf_lan_allowed_cidrs", l.c.SerfAllowedCIDRs},
	} {
		for _, s := range n.list {
			if _, err := netip.ParsePrefix(s); err != nil {
				return l.fault(n.key, "has %q: give networks such as 10.0.0.0/8", clip(s))
			}
		}
	}
	return nil
}

func (l *loader) validateFiles() error {
	c := l.c
	if c.DataDir == "" {
		if c.Dev {
			return nil
		}
		return fmt.Errorf("data_dir is missing: say where to keep the data with -data-dir, or try things out with -dev")
	}
	if info, err := os.Stat(c.DataDir); err == nil && !info.IsDir() {
		return l.fault("data_dir", "is %q, a file: give a directory", c.DataDir)
	}
	return nil
}
