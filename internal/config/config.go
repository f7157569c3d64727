// Package config turns configuration files, command-line settings and
// defaults into one validated Config. The keys are those of Consul's agent.
//
// Load reads the sources in order and lets later ones win: scalars are
// replaced, lists appended, maps merged. Which key goes to which field is said
// by the `key` tags of Config and of the structs in it; that table drives
// merging, the type errors, the defaults that -help shows, and what a reload
// may change. Everything that depends on several keys or on the host (the
// advertised address, the listeners) is worked out afterwards, in resolve.go,
// and refused, if it cannot work, in validate.go.
package config

import (
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Config is the configuration of one server, complete and valid. It is made
// by Load and not changed afterwards, so it may be read from any goroutine.
//
// A field tagged with a key is set by that key; "live" marks what a reload
// takes anew. Fields without a tag are worked out from the others.
type Config struct {
	// Dev is development mode: one server, in memory as far as anybody can
	// tell. With an empty DataDir the server uses a temporary one.
	Dev bool

	Server          bool `key:"server"`
	ReadReplica     bool `key:"read_replica"`
	Bootstrap       bool `key:"bootstrap"`
	BootstrapExpect int  `key:"bootstrap_expect"` // 0 means: do not wait for others
	// NonVoter says that this server takes part without a vote, because it is
	// a read replica or was asked to be a client.
	NonVoter bool

	Datacenter        string            `key:"datacenter"`         // lower case
	PrimaryDatacenter string            `key:"primary_datacenter"` // the same as Datacenter by default
	DataDir           string            `key:"data_dir"`           // empty only in development mode
	NodeName          string            `key:"node_name"`          // the host's name by default
	NodeID            string            `key:"node_id"`            // lower case UUID; empty until EnsureNodeID
	NodeMeta          map[string]string `key:"node_meta"`
	VersionOverride   string            `key:"version"` // what node meta consul-version says; empty means ConsulVersion

	// Given holds the addresses as they were written.
	Given Given `key:",inline"`
	// BindAddr is the IP the server port listens on; may be unspecified (0.0.0.0).
	BindAddr string
	// AdvertiseAddr is the IP that other servers and catalog readers use.
	AdvertiseAddr    string
	AdvertiseAddrWAN string
	// TaggedAddresses are those of this node: lan, lan_ipv4, wan, wan_ipv4, …
	TaggedAddresses map[string]string
	// ClientAddrs are the IPs (or unix:// paths) that clients are served on.
	ClientAddrs []string
	Addresses   Addresses
	Ports       Ports `key:"ports"`

	RetryJoin          []string      `key:"retry_join"`
	RetryInterval      time.Duration `key:"retry_interval"`
	RetryMax           int           `key:"retry_max"` // 0 means for ever
	RejoinAfterLeave   bool          `key:"rejoin_after_leave"`
	ServerRejoinAgeMax time.Duration `key:"server_rejoin_age_max"`
	ReconnectTimeout   time.Duration `key:"reconnect_timeout"` // how long a failed server stays listed
	SerfAllowedCIDRs   []string      `key:"serf_lan_allowed_cidrs"`

	// LeaveOnTerminate and SkipLeaveOnInterrupt say what SIGTERM and SIGINT
	// do. Their defaults depend on Server.
	LeaveOnTerminate     bool `key:"leave_on_terminate"`
	SkipLeaveOnInterrupt bool `key:"skip_leave_on_interrupt"`

	Domain    string   `key:"domain"`     // lower case with the final dot
	AltDomain string   `key:"alt_domain"` // the same, or empty
	Recursors []string `key:"recursors"`  // host:port
	DNS       DNS      `key:"dns_config,live"`

	Performance Performance `key:"performance"`
	Raft        Raft        `key:",inline"`
	RaftLog     RaftLog     `key:"raft_logstore"`
	Autopilot   Autopilot   `key:"autopilot"`
	History     History     `key:"history"`
	Limits      Limits      `key:"limits"`
	HTTP        HTTPConfig  `key:"http_config"`
	TLS         TLS         `key:"tls,live"`
	UnixSockets UnixSockets `key:"unix_sockets"`

	ACL ACL `key:"acl"`
	// ConfigEntries are stored in the cluster where they are not there yet.
	ConfigEntries ConfigEntries `key:"config_entries"`
	Connect       Connect       `key:"connect"`
	UI            UI            `key:"ui_config"`
	Telemetry     Telemetry     `key:"telemetry"`
	Log           Log           `key:",inline"`

	DefaultQueryTime  time.Duration `key:"default_query_time"`
	MaxQueryTime      time.Duration `key:"max_query_time"`
	DiscoveryMaxStale time.Duration `key:"discovery_max_stale"`
	SessionTTLMin     time.Duration `key:"session_ttl_min"`

	CheckUpdateInterval time.Duration `key:"check_update_interval"`
	CheckOutputMaxSize  int           `key:"check_output_max_size"` // bytes
	// CheckDeregisterMin is the least time that a check has to be critical
	// before its service is deregistered.
	CheckDeregisterMin      time.Duration `key:"check_deregister_interval_min"`
	DiscardCheckOutput      bool          `key:"discard_check_output,live"`
	EnableScriptChecks      bool          `key:"enable_script_checks"`
	EnableLocalScriptChecks bool          `key:"enable_local_script_checks"`
	EnableAgentTLSForChecks bool          `key:"enable_agent_tls_for_checks"`

	TranslateWANAddrs            bool   `key:"translate_wan_addrs"`
	DisableCoordinates           bool   `key:"disable_coordinates"`
	DisableUnprintableCharFilter bool   `key:"disable_http_unprintable_char_filter"`
	EnableDebug                  bool   `key:"enable_debug"` // serve /debug/pprof
	PidFile                      string `key:"pid_file"`
	AutoReload                   bool   `key:"auto_reload_config"` // reload when a file changes

	// Services and Checks are registered when the server starts.
	Services []*api.ServiceRegistration `key:"services,live"`
	Checks   []*api.CheckRegistration   `key:"checks,live"`
	// DefinedAt says where each of them, and each check of a service, stands:
	// file and line by the pointer to the definition.
	DefinedAt map[any]string

	// Warnings are lines for the log: one for each key that has no effect, is
	// an old spelling, or is probably not meant.
	Warnings []string
	// Files are the files that were read, in order.
	Files []string
}
