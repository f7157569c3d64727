package config

// alias is another spelling of a key.
type alias struct {
	old, new string
	quiet    bool // both are current; no warning
}

// aliases lists the other spellings. Those without quiet are deprecated in
// Consul, and their replacement wins when both are in one file.
var aliases = []alias{
	{"service", "services", true},
	{"check", "checks", true},
	{"acl.tokens.master", "acl.tokens.initial_management", false},
	{"acl.tokens.agent_master", "acl.tokens.agent_recovery", false},
	{"acl_agent_master_token", "acl.tokens.agent_recovery", false},
	{"acl_agent_token", "acl.tokens.agent", false},
	{"acl_datacenter", "primary_datacenter", false},
	{"acl_default_policy", "acl.default_policy", false},
	{"acl_down_policy", "acl.down_policy", false},
	{"acl_enable_key_list_policy", "acl.enable_key_list_policy", false},
	{"acl_master_token", "acl.tokens.initial_management", false},
	{"acl_replication_token", "acl.tokens.replication", false},
	{"acl_token", "acl.tokens.default", false},
	{"acl_ttl", "acl.token_ttl", false},
	{"enable_acl_replication", "acl.enable_token_replication", false},
	{"ca_file", "tls.defaults.ca_file", false},
	{"ca_path", "tls.defaults.ca_path", false},
	{"cert_file", "tls.defaults.cert_file", false},
	{"key_file", "tls.defaults.key_file", false},
	{"tls_cipher_suites", "tls.defaults.tls_cipher_suites", false},
	{"tls_min_version", "tls.defaults.tls_min_version", false},
	{"verify_incoming", "tls.defaults.verify_incoming", false},
	{"verify_incoming_https", "tls.https.verify_incoming", false},
	{"verify_incoming_rpc", "tls.internal_rpc.verify_incoming", false},
	{"verify_outgoing", "tls.defaults.verify_outgoing", false},
	{"verify_server_hostname", "tls.internal_rpc.verify_server_hostname", false},
	{"non_voting_server", "read_replica", false},
	{"start_join", "retry_join", false},
	{"ui", "ui_config.enabled", false},
	{"ui_content_path", "ui_config.content_path", false},
	{"ui_dir", "ui_config.dir", false},
}

// implied are keys that an old spelling also sets, unless they are given.
var implied = map[string]string{
	"acl_datacenter":        "acl.enabled",
	"acl_replication_token": "acl.enable_token_replication",
}
