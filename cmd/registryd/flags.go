package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/registryd/registryd/internal/config"
)

// options is what the flags say.
type options struct {
	sources config.Sources
	version bool
}

// flagSpec is a flag that sets a key of the configuration. Flags of lists and
// maps may be repeated.
type flagSpec struct {
	name  string
	key   string
	value string // what follows it, for the help page; empty for a switch
	usage string
}

// flagGroup is a heading of the help page.
type flagGroup struct {
	title string
	flags []flagSpec
}

// flagGroups lists the flags that set keys. Their names are those of Consul's
// agent.
func flagGroups() []flagGroup {
	return []flagGroup{
		{"Configuration files", []flagSpec{
			{"auto-reload-config", "auto_reload_config", "", "reload when a file changes"},
		}},
		{"This server", []flagSpec{
			{"server", "server", "", "take part in the cluster with a vote"},
			{"data-dir", "data_dir", "DIR", "where the data is kept; needed except with -dev"},
			{"node", "node_name", "NAME", "name of this server, unique in the cluster; the host's name by default"},
			{"node-id", "node_id", "UUID", "id of this server; made once and kept in the data directory by default"},
			{"node-meta", "node_meta", "KEY:VALUE", "metadata of this server"},
			{"datacenter", "datacenter", "NAME", "datacenter of the cluster"},
			{"pid-file", "pid_file", "FILE", "where to write the process id"},
			{"read-replica", "read_replica", "", "take part without a vote"},
			{"non-voting-server", "read_replica", "", "the same as -read-replica"},
		}},
		{"Cluster", []flagSpec{
			{"bootstrap", "bootstrap", "", "be a cluster of one from the start"},
			{"bootstrap-expect", "bootstrap_expect", "N", "wait for N servers, then form the cluster"},
			{"retry-join", "retry_join", "ADDR", "a server to join, tried until it answers"},
			{"join", "retry_join", "ADDR", "the same as -retry-join"},
			{"retry-interval", "retry_interval", "TIME", "time between attempts to join"},
			{"retry-max", "retry_max", "N", "attempts to join; 0 is for ever"},
			{"rejoin", "rejoin_after_leave", "", "join again after having left"},
			{"leave-on-terminate", "leave_on_terminate", "", "leave the cluster on SIGTERM"},
			{"raft-protocol", "raft_protocol", "N", "version of the raft protocol"},
		}},
		{"Addresses and ports", []flagSpec{
			{"bind", "bind_addr", "ADDR", "address for the other servers"},
			{"advertise", "advertise_addr", "ADDR", "address the other servers are told; the bind address by default"},
			{"advertise-wan", "advertise_addr_wan", "ADDR", "address told to other datacenters"},
			{"client", "client_addr", "ADDR", "address for HTTP and DNS"},
			{"http-port", "ports.http", "PORT", "HTTP API"},
			{"https-port", "ports.https", "PORT", "HTTP API over TLS"},
			{"dns-port", "ports.dns", "PORT", "DNS"},
			{"server-port", "ports.server", "PORT", "the other servers"},
			{"serf-lan-port", "ports.serf_lan", "PORT", "the other servers too, for join addresses with Consul's port"},
			{"serf-lan-bind", "serf_lan", "ADDR", "address of that port; the bind address by default"},
			{"allow-write-http-from", "http_config.allow_write_http_from", "CIDR", "network that may write over HTTP; all by default"},
		}},
		{"DNS", []flagSpec{
			{"domain", "domain", "NAME", "domain that is answered"},
			{"alt-domain", "alt_domain", "NAME", "another domain that is answered"},
			{"recursor", "recursors", "ADDR", "server to ask for other names"},
		}},
		{"Checks and queries", []flagSpec{
			{"enable-script-checks", "enable_script_checks", "", "allow checks that run programs"},
			{"enable-local-script-checks", "enable_local_script_checks", "", "allow them in configuration files only"},
			{"check_output_max_size", "check_output_max_size", "BYTES", "output of a check that is kept"},
			{"default-query-time", "default_query_time", "TIME", "how long a blocking query waits that does not say"},
			{"max-query-time", "max_query_time", "TIME", "how long a blocking query may wait"},
		}},
		{"Logging", []flagSpec{
			{"log-level", "log_level", "LEVEL", "TRACE, DEBUG, INFO, WARN or ERROR"},
			{"log-json", "log_json", "", "log in JSON"},
			{"log-file", "log_file", "FILE", "log to a file too; a directory if it ends in /"},
			{"log-rotate-duration", "log_rotate_duration", "TIME", "age at which a log file is put aside"},
			{"log-rotate-bytes", "log_rotate_bytes", "BYTES", "size at which a log file is put aside; 0 is any"},
			{"log-rotate-max-files", "log_rotate_max_files", "N", "log files kept; 0 keeps all"},
		}},
		{"Accepted for the sake of Consul's command lines, without effect", []flagSpec{
			{"disable-host-node-id", "disable_host_node_id", "", ""},
			{"disable-keyring-file", "disable_keyring_file", "", ""},
			{"encrypt", "encrypt", "KEY", ""},
			{"grpc-port", "ports.grpc", "PORT", ""},
			{"grpc-tls-port", "ports.grpc_tls", "PORT", ""},
			{"join-wan", "retry_join_wan", "ADDR", ""},
			{"primary-gateway", "primary_gateways", "ADDR", ""},
			{"protocol", "protocol", "N", ""},
			{"retry-interval-wan", "retry_interval_wan", "TIME", ""},
			{"retry-join-wan", "retry_join_wan", "ADDR", ""},
			{"retry-max-wan", "retry_max_wan", "N", ""},
			{"segment", "segment", "NAME", ""},
			{"serf-lan-allowed-cidrs", "serf_lan_allowed_cidrs", "CIDR", ""},
			{"serf-wan-allowed-cidrs", "serf_wan_allowed_cidrs", "CIDR", ""},
			{"serf-wan-bind", "serf_wan", "ADDR", ""},
			{"serf-wan-port", "ports.serf_wan", "PORT", ""},
			{"syslog", "enable_syslog", "", ""},
			{"ui", "ui_config.enabled", "", ""},
			{"ui-content-path", "ui_config.content_path", "PATH", ""},
			{"ui-dir", "ui_config.dir", "DIR", ""},
		}},
	}
}

// parseFlags reads the command line. Every flag may be written -x or --x, and
// -x=value or -x value.
func parseFlags(args []string) (options, error) {
	var o options
	fs := newFlagSet()
	fs.BoolVar(&o.sources.Dev, "dev", false, "")
	fs.BoolVar(&o.version, "version", false, "")
	fs.BoolVar(&o.version, "v", false, "")
	fs.StringVar(&o.sources.Format, "config-format", "", "")
	fs.Var(texts{&o.sources.Paths}, "config-file", "")
	fs.Var(texts{&o.sources.Paths}, "config-dir", "")
	fs.Var(texts{&o.sources.Fragments}, "hcl", "")
	for _, g := range flagGroups() {
		for _, f := range g.flags {
			fs.Var(&setting{spec: f, to: &o.sources.Settings}, f.name, "")
		}
	}
	if err := parseInto(fs, args); err != nil {
		return options{}, err
	}
	if rest := fs.Args(); len(rest) > 0 {
		return options{}, fmt.Errorf("unexpected argument %q: flags begin with - (see registryd -help)", rest[0])
	}
	return o, nil
}

func newFlagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("registryd", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs
}

// parseInto parses args and words the library's errors for people, except
// flag.ErrHelp, which says that -help or -h was found.
func parseInto(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	msg := err.Error()
	if name, ok := strings.CutPrefix(msg, "flag provided but not defined: "); ok {
		return fmt.Errorf("flag %s is unknown (see registryd -help)", name)
	}
	if name, ok := strings.CutPrefix(msg, "flag needs an argument: "); ok {
		return fmt.Errorf("flag %s needs a value (see registryd -help)", name)
	}
	return fmt.Errorf("%s (see registryd -help)", msg)
}

// texts is a flag that may be repeated.
type texts struct{ to *[]string }

func (t texts) String() string { return "" }

func (t texts) Set(s string) error {
	*t.to = append(*t.to, s)
	return nil
}

// setting is a flag that sets a key.
type setting struct {
	spec flagSpec
	to   *[]config.Setting
}

func (s *setting) String() string { return "" }

// IsBoolFlag tells the flag package that a switch needs no value.
func (s *setting) IsBoolFlag() bool { return s.spec.value == "" }

func (s *setting) Set(text string) error {
	if s.IsBoolFlag() {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("use true or false")
		}
		text = strconv.FormatBool(b)
	}
	*s.to = append(*s.to, config.Setting{Key: s.spec.key, Value: text, Origin: "-" + s.spec.name})
	return nil
}
