package config

import "strings"

// unserved is a key of Consul's, or a group of them, that has no effect here.
type unserved struct {
	path string
	// why is the reason, for the warning. Without one the key asks for what
	// registryd does anyway, or for nothing one could notice, and is accepted
	// in silence.
	why string
}

const (
	forMesh  = "the service mesh is not served"
	forPaid  = "it belongs to Consul's paid edition"
	noGossip = "servers speak over the server port; there is no gossip"
	oneDC    = "one cluster serves one datacenter"
	byItself = "registryd sets it by itself"
)

// unservedKeys lists what existing files may hold beyond the keys of Config.
var unservedKeys = []unserved{
	{"acl.disabled_ttl", ""},
	{"acl.msp_disable_bootstrap", forPaid},
	{"acl.tokens.managed_service_provider", forPaid},
	{"acl_enforce_version_8", ""},
	{"addresses.grpc", forMesh},
	{"addresses.grpc_tls", forMesh},
	{"advertise_reconnect_timeout", noGossip},
	{"ae_interval", byItself},
	{"audit", forPaid},
	{"auto_config", "certificates are not handed out; set tls"},
	{"auto_encrypt", "certificates are not handed out; set tls"},
	{"autopilot.disable_upgrade_migration", forPaid},
	{"autopilot.redundancy_zone_tag", forPaid},
	{"autopilot.upgrade_version_tag", forPaid},
	{"build_date", ""},
	{"cache", "reads come from the server's own memory; there is no cache to tune"},
	{"check_reap_interval", byItself},
	{"cloud", forPaid},
	{"connect.ca_config", forMesh},
	{"connect.ca_provider", forMesh},
	{"connect.enable_mesh_gateway_wan_federation", forMesh},
	{"connect.enable_serverless_plugin", forMesh},
	{"connect.test_ca_leaf_root_change_spread", forMesh},
	{"consul", byItself},
	{"disable_anonymous_signature", ""},
	{"disable_host_node_id", ""},
	{"disable_keyring_file", ""},
	{"disable_remote_exec", ""},
	{"disable_update_check", ""},
	{"dns_config.prefer_namespace", forPaid},
	{"enable_central_service_config", forMesh},
	{"enable_syslog", "logs go to standard error and to log_file"},
	{"encrypt", noGossip},
	{"encrypt_verify_incoming", ""},
	{"encrypt_verify_outgoing", ""},
	{"experiments", "none of Consul's experiments is served"},
	{"gossip_lan", noGossip},
	{"gossip_wan", noGossip},
	{"license_path", forPaid},
	{"license_poll_base_time", forPaid},
	{"license_poll_max_time", forPaid},
	{"license_update_base_time", forPaid},
	{"license_update_max_time", forPaid},
	{"limits.request_limits.acl", "only the limits of all requests are served"},
	{"locality", forMesh},
	{"partition", forPaid},
	{"peering", forMesh},
	{"ports.expose_max_port", forMesh},
	{"ports.expose_min_port", forMesh},
	{"ports.proxy_max_port", ""},
	{"ports.proxy_min_port", ""},
	{"ports.sidecar_max_port", forMesh},
	{"ports.sidecar_min_port", forMesh},
	{"primary_gateways", forMesh},
	{"primary_gateways_interval", forMesh},
	{"protocol", ""},
	{"raft_boltdb", byItself},
	{"raft_logstore.boltdb", byItself},
	{"raft_logstore.disable_log_cache", byItself},
	{"raft_logstore.verification", byItself},
	{"raft_logstore.wal", byItself},
	{"reconnect_timeout_wan", ""},
	{"reporting", forPaid},
	{"retry_interval_wan", ""},
	{"retry_join_wan", oneDC},
	{"retry_max_wan", ""},
	{"revision", ""},
	{"rpc", ""},
	{"segment", forPaid},
	{"segment_limit", forPaid},
	{"segment_name_limit", forPaid},
	{"segments", forPaid},
	{"serf_wan", oneDC},
	{"serf_wan_allowed_cidrs", oneDC},
	{"server_name", "certificates are checked for the name of the server's datacenter"},
	{"snapshot_agent", forPaid},
	{"start_join_wan", oneDC},
	{"sync_coordinate_interval_min", byItself},
	{"sync_coordinate_rate_target", byItself},
	{"syslog_facility", ""},
	{"telemetry.circonus_api_app", notSent},
	{"telemetry.circonus_api_token", notSent},
	{"telemetry.circonus_api_url", notSent},
	{"telemetry.circonus_broker_id", notSent},
	{"telemetry.circonus_broker_select_tag", notSent},
	{"telemetry.circonus_check_display_name", notSent},
	{"telemetry.circonus_check_force_metric_activation", notSent},
	{"telemetry.circonus_check_id", notSent},
	{"telemetry.circonus_check_instance_id", notSent},
	{"telemetry.circonus_check_search_tag", notSent},
	{"telemetry.circonus_check_tags", notSent},
	{"telemetry.circonus_submission_interval", notSent},
	{"telemetry.circonus_submission_url", notSent},
	{"telemetry.disable_compat_1.9", ""},
	{"telemetry.disable_per_tenancy_usage_metrics", ""},
	{"telemetry.dogstatsd_addr", notSent},
	{"telemetry.dogstatsd_tags", notSent},
	{"telemetry.enable_host_metrics", notSent},
	{"telemetry.retry_failed_connection", ""},
	{"telemetry.statsd_address", notSent},
	{"telemetry.statsite_address", notSent},
	{"tls.defaults.use_auto_cert", forMesh},
	{"tls.grpc", forMesh},
	{"tls.https.use_auto_cert", forMesh},
	{"tls.internal_rpc.use_auto_cert", forMesh},
	{"tls_prefer_server_cipher_suites", ""},
	{"ui_config.dashboard_url_templates", noUI},
	{"ui_config.metrics_provider", noUI},
	{"ui_config.metrics_provider_files", noUI},
	{"ui_config.metrics_provider_options_json", noUI},
	{"ui_config.metrics_proxy", noUI},
	{"use_streaming_backend", ""},
	{"version_metadata", ""},
	{"version_prerelease", ""},
	{"watches", "handlers are not run; use registryctl watch"},
	{"xds", forMesh},
}

const (
	inMemory   = "every server has the catalog in memory; there is no cache"
	notLimited = "requests are limited by http_max_conns_per_client only"

	notSent = "metrics are read at /v1/agent/metrics, not sent"
	noUI    = "the web page is not served"
)

// withoutEffect lists keys that are kept in Config, so that they can be
// reported, but change nothing yet.
var withoutEffect = map[string]string{
	"auto_reload_config":                   "files are not watched; send SIGHUP or use registryctl reload",
	"discovery_max_stale":                  "a read says itself how old it may be, with max_stale",
	"disable_coordinates":                  byItself,
	"disable_http_unprintable_char_filter": "paths with control characters are always refused",
	"dns_config.use_cache":                 inMemory,
	"dns_config.cache_max_age":             inMemory,
	"dns_config.enable_truncate":           "the TC bit is always set when something was cut",
	"http_config.use_cache":                inMemory,
	"limits.https_handshake_timeout":       byItself,
	"limits.rpc_handshake_timeout":         byItself,
	"limits.rpc_client_timeout":            byItself,
	"limits.rpc_max_conns_per_client":      "servers keep a few connections to each other",
	"limits.rpc_rate":                      "there are no agents that call servers",
	"limits.rpc_max_burst":                 "there are no agents that call servers",
	"limits.request_limits.mode":           notLimited,
	"limits.request_limits.read_rate":      notLimited,
	"limits.request_limits.write_rate":     notLimited,
	"performance.leave_drain_time":         byItself,
	"reconnect_timeout":                    "autopilot decides when a failed server is removed",
	"server_rejoin_age_max":                "a server that was removed is told so when it comes back",
	"translate_wan_addrs":                  oneDC,
	"unix_sockets.user":                    "sockets belong to the user that the server runs as",
	"unix_sockets.group":                   "sockets belong to the user that the server runs as",
	"ports.grpc":                           forMesh,
	"ports.grpc_tls":                       forMesh,
	"serf_lan_allowed_cidrs":               noGossip,
	"ui_config.content_path":               noUI,
	"ui_config.dir":                        noUI,
	"ui_config.enabled":                    noUI,
}

// unservedAt finds the entry for path or for the nearest group it is in.
func unservedAt(path string) (unserved, bool) {
	for _, u := range unservedKeys {
		if path == u.path || strings.HasPrefix(path, u.path+".") {
			return u, true
		}
	}
	return unserved{}, false
}
