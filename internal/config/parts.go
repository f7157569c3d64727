package config

import (
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Given is what the sources said about addresses: text that may hold several
// addresses with spaces between them, and {{ templates }}.
type Given struct {
	BindAddr             string         `key:"bind_addr"`
	AdvertiseAddr        string         `key:"advertise_addr"`
	AdvertiseAddrIPv4    string         `key:"advertise_addr_ipv4"`
	AdvertiseAddrIPv6    string         `key:"advertise_addr_ipv6"`
	AdvertiseAddrWAN     string         `key:"advertise_addr_wan"`
	AdvertiseAddrWANIPv4 string         `key:"advertise_addr_wan_ipv4"`
	AdvertiseAddrWANIPv6 string         `key:"advertise_addr_wan_ipv6"`
	ClientAddr           string         `key:"client_addr"`
	SerfLANBind          string         `key:"serf_lan"`
	Addresses            GivenAddresses `key:"addresses"`
	// TaggedAddresses are added to those worked out.
	TaggedAddresses map[string]string `key:"tagged_addresses"`
}

// GivenAddresses names addresses for single doors; empty means client_addr.
type GivenAddresses struct {
	DNS   string `key:"dns"`
	HTTP  string `key:"http"`
	HTTPS string `key:"https"`
}

// Addresses are the IPs, or unix:// paths, that each door listens on.
type Addresses struct {
	DNS     []string
	HTTP    []string
	HTTPS   []string
	SerfLAN string // an IP
}

// Ports are TCP ports (DNS also UDP). -1 switches a port off, 0 takes any free
// one.
type Ports struct {
	HTTP    int `key:"http"`
	HTTPS   int `key:"https"`
	DNS     int `key:"dns"`
	Server  int `key:"server"`
	SerfLAN int `key:"serf_lan"`
	SerfWAN int `key:"serf_wan"` // reported, never opened
	GRPC    int `key:"grpc"`     // reported, never opened
	GRPCTLS int `key:"grpc_tls"` // reported, never opened
}

// DNS is how names are answered.
type DNS struct {
	AllowStale         bool                     `key:"allow_stale"`
	MaxStale           time.Duration            `key:"max_stale"`
	NodeTTL            time.Duration            `key:"node_ttl"`
	ServiceTTL         map[string]time.Duration `key:"service_ttl"` // by name; "*" and "prefix-*" are patterns
	OnlyPassing        bool                     `key:"only_passing"`
	ARecordLimit       int                      `key:"a_record_limit"` // 0 means none
	UDPAnswerLimit     int                      `key:"udp_answer_limit"`
	EnableTruncate     bool                     `key:"enable_truncate"`
	DisableCompression bool                     `key:"disable_compression"`
	NodeMetaTXT        bool                     `key:"enable_additional_node_meta_txt"`
	RecursorStrategy   string                   `key:"recursor_strategy"` // "sequential" or "random"
	RecursorTimeout    time.Duration            `key:"recursor_timeout"`
	UseCache           bool                     `key:"use_cache"`
	CacheMaxAge        time.Duration            `key:"cache_max_age"`
	SOA                SOA                      `key:"soa"`
}

// SOA is the start-of-authority record, in seconds.
type SOA struct {
	Refresh uint32 `key:"refresh"`
	Retry   uint32 `key:"retry"`
	Expire  uint32 `key:"expire"`
	MinTTL  uint32 `key:"min_ttl"`
}

// Performance trades speed of detection against load.
type Performance struct {
	RaftMultiplier int           `key:"raft_multiplier"` // 1 (fast) to 10
	LeaveDrainTime time.Duration `key:"leave_drain_time"`
	RPCHoldTimeout time.Duration `key:"rpc_hold_timeout"`
}

// Raft is how often the log is cut.
type Raft struct {
	Protocol          int           `key:"raft_protocol"`
	SnapshotThreshold int           `key:"raft_snapshot_threshold"` // entries
	SnapshotInterval  time.Duration `key:"raft_snapshot_interval"`
	TrailingLogs      int           `key:"raft_trailing_logs"` // entries
}

// RaftLog chooses where the raft log is kept.
type RaftLog struct {
	Backend string `key:"backend"` // "boltdb" or "wal"
}

// Autopilot is the first configuration of the watch over the servers; later
// ones are kept in the cluster.
type Autopilot struct {
	CleanupDeadServers      bool          `key:"cleanup_dead_servers"`
	LastContactThreshold    time.Duration `key:"last_contact_threshold"`
	MaxTrailingLogs         int           `key:"max_trailing_logs"`
	MinQuorum               int           `key:"min_quorum"`
	ServerStabilizationTime time.Duration `key:"server_stabilization_time"`
}

// History bounds what is remembered of the changes of the catalog. What the
// leader is configured with counts.
type History struct {
	MaxCount int           `key:"max_count"` // events; 0 means none is kept
	MaxAge   time.Duration `key:"max_age"`   // 0 means none is too old
}

// Limits protect the server from its clients.
type Limits struct {
	HTTPMaxConnsPerClient int           `key:"http_max_conns_per_client"` // 0 means none
	HTTPSHandshakeTimeout time.Duration `key:"https_handshake_timeout"`
	RPCHandshakeTimeout   time.Duration `key:"rpc_handshake_timeout"`
	RPCClientTimeout      time.Duration `key:"rpc_client_timeout"`
	RPCMaxConnsPerClient  int           `key:"rpc_max_conns_per_client"` // 0 means none
	RPCRate               float64       `key:"rpc_rate"`                 // requests a second; negative means no limit
	RPCMaxBurst           int           `key:"rpc_max_burst"`
	KVMaxValueSize        uint64        `key:"kv_max_value_size"` // bytes
	TxnMaxReqLen          uint64        `key:"txn_max_req_len"`   // bytes
	RequestLimits         RequestLimits `key:"request_limits"`
}

// RequestLimits cap the requests of all clients together.
type RequestLimits struct {
	Mode      string  `key:"mode"`       // "disabled", "permissive" (log only) or "enforcing"
	ReadRate  float64 `key:"read_rate"`  // a second; negative means no limit
	WriteRate float64 `key:"write_rate"` // a second; negative means no limit
}

// HTTPConfig is about the HTTP door.
type HTTPConfig struct {
	BlockEndpoints  []string          `key:"block_endpoints"` // path prefixes answered with 403
	ResponseHeaders map[string]string `key:"response_headers"`
	AllowWriteFrom  []string          `key:"allow_write_http_from"` // CIDRs; empty means all
	UseCache        bool              `key:"use_cache"`
	MaxHeaderBytes  int               `key:"max_header_bytes"` // 0 means the library's
}

// TLS holds the certificates of each door. InternalRPC and HTTPS are complete:
// what they leave out has been taken from Defaults.
type TLS struct {
	Defaults    TLSDoor `key:"defaults"`
	InternalRPC TLSDoor `key:"internal_rpc"`
	HTTPS       TLSDoor `key:"https"`
}

// TLSDoor is one use of TLS. Paths are relative to the working directory.
type TLSDoor struct {
	CAFile               string `key:"ca_file"`
	CAPath               string `key:"ca_path"` // a directory of certificates
	CertFile             string `key:"cert_file"`
	KeyFile              string `key:"key_file"`
	MinVersion           string `key:"tls_min_version"`   // TLSv1_2, …; see MinTLSVersion
	CipherSuites         string `key:"tls_cipher_suites"` // names with commas; see Ciphers
	VerifyIncoming       bool   `key:"verify_incoming"`
	VerifyOutgoing       bool   `key:"verify_outgoing"`
	VerifyServerHostname bool   `key:"verify_server_hostname"`
}

// UnixSockets is who may use the sockets that addresses with unix:// make.
type UnixSockets struct {
	User  string `key:"user"`
	Group string `key:"group"`
	Mode  string `key:"mode"` // octal, such as "0770"
}

// ACL is access control.
type ACL struct {
	Enabled                bool          `key:"enabled"`
	DefaultPolicy          string        `key:"default_policy"` // "allow" or "deny"
	DownPolicy             string        `key:"down_policy"`
	TokenTTL               time.Duration `key:"token_ttl"`
	PolicyTTL              time.Duration `key:"policy_ttl"`
	RoleTTL                time.Duration `key:"role_ttl"`
	EnableTokenPersistence bool          `key:"enable_token_persistence"`
	EnableTokenReplication bool          `key:"enable_token_replication"`
	EnableKeyListPolicy    bool          `key:"enable_key_list_policy"`
	Tokens                 ACLTokens     `key:"tokens"`
}

// ACLTokens are the secrets a server starts with.
type ACLTokens struct {
	InitialManagement string `key:"initial_management"`
	Default           string `key:"default"`
	Agent             string `key:"agent"`
	AgentRecovery     string `key:"agent_recovery"`
	Replication       string `key:"replication"`
	ConfigFileService string `key:"config_file_service_registration"`
}

// Connect is the service mesh, of which only the roots of its certificate
// authority are ever asked for.
type Connect struct {
	Enabled   bool   `key:"enabled"`
	ClusterID string `key:"ca_config.cluster_id"`
}

// UI is the web page.
type UI struct {
	Enabled     bool   `key:"enabled"`
	Dir         string `key:"dir"`
	ContentPath string `key:"content_path"`
}

// Telemetry is how metrics are named and kept.
type Telemetry struct {
	PrometheusRetentionTime time.Duration `key:"prometheus_retention_time"` // 0 switches the format off
	MetricsPrefix           string        `key:"metrics_prefix"`
	DisableHostname         bool          `key:"disable_hostname"`
	FilterDefault           bool          `key:"filter_default"`
	PrefixFilter            []string      `key:"prefix_filter"` // "+prefix" or "-prefix"
}

// Log is where and how the server speaks.
type Log struct {
	Level          string        `key:"log_level,live"` // TRACE, DEBUG, INFO, WARN or ERROR
	JSON           bool          `key:"log_json"`
	File           string        `key:"log_file"`
	RotateDuration time.Duration `key:"log_rotate_duration"`
	RotateBytes    int           `key:"log_rotate_bytes"`     // 0 means no limit
	RotateMaxFiles int           `key:"log_rotate_max_files"` // 0 keeps all, -1 none
}

// ConfigEntries are the first config entries of a cluster.
type ConfigEntries struct {
	// Bootstrap are check policies, complete; entries of other kinds are passed
	// over with a warning.
	Bootstrap []*api.CheckPolicy `key:"bootstrap"`
}
