# Every key of a Consul 1.16 server's configuration, with values that mean
# something. It must load; what has no effect here is told in warnings.
acl {
  enabled                  = true
  default_policy           = "deny"
  down_policy              = "async-cache"
  enable_key_list_policy   = true
  enable_token_persistence = true
  enable_token_replication = true
  disabled_ttl             = "120s"
  msp_disable_bootstrap    = true
  policy_ttl               = "31s"
  role_ttl                 = "32s"
  token_ttl                = "33s"
  tokens {
    initial_management               = "t1"
    replication                      = "t2"
    agent                            = "t3"
    agent_recovery                   = "t4"
    default                          = "t5"
    config_file_service_registration = "t6"
    managed_service_provider         = [{ accessor_id = "a", secret_id = "b" }]
  }
}
acl_enforce_version_8 = true
addresses = {
  dns      = "127.0.0.2"
  http     = "127.0.0.3 unix:///run/x.sock"
  https    = "127.0.0.4"
  grpc     = "127.0.0.5"
  grpc_tls = "127.0.0.6"
}
advertise_addr              = "10.1.1.1"
advertise_addr_ipv4         = "10.1.1.2"
advertise_addr_ipv6         = "fd00::1"
advertise_addr_wan          = "10.2.1.1"
advertise_addr_wan_ipv4     = "10.2.1.2"
advertise_addr_wan_ipv6     = "fd00::2"
advertise_reconnect_timeout = "1s"
ae_interval                 = "1m"
alt_domain                  = "other.example"
audit {
  enabled = true
  sink "first" {
    type   = "file"
    format = "json"
    path   = "audit.json"
  }
}
auto_config {
  enabled          = true
  intro_token      = "t"
  server_addresses = ["127.0.0.1"]
  authorization { enabled = true }
}
auto_encrypt {
  tls       = true
  dns_san   = ["a.example"]
  ip_san    = ["127.0.0.1"]
  allow_tls = true
}
auto_reload_config = true
autopilot {
  cleanup_dead_servers      = false
  disable_upgrade_migration = true
  last_contact_threshold    = "201ms"
  max_trailing_logs         = 251
  min_quorum                = 3
  redundancy_zone_tag       = "zone"
  server_stabilization_time = "11s"
  upgrade_version_tag       = "build"
}
bind_addr        = "127.0.0.1"
bootstrap        = false
bootstrap_expect = 3
build_date = "2023-10-11T00:00:00Z"
cache {
  entry_fetch_max_burst = 42
  entry_fetch_rate      = 0.334
}
check {
  id         = "one"
  name       = "alone"
  service_id = "web"
  http       = "http://127.0.0.1/"
  interval   = "10s"
}
check_deregister_interval_min = "2s"
check_output_max_size         = 4097
check_reap_interval           = "30s"
check_update_interval         = "6m"
checks                        = [{ name = "listed", ttl = "10s" }]
client_addr                   = "127.0.0.7"
cloud { resource_id = "x" }
config_entries {
  bootstrap {
    kind = "proxy-defaults"
    name = "global"
  }
  bootstrap {
    kind = "check-policy"
    name = "*"
    damping {
      changes  = 3
      window   = "2m"
      max_hold = "1h"
    }
    guard {
      share = 0.25
    }
    meta {
      a = "b"
    }
  }
}
connect {
  enabled     = true
  ca_provider = "consul"
  ca_config {
    cluster_id    = "c1f6a0e5-5d0b-4a1e-9c57-2f6b8d3e7a90"
    leaf_cert_ttl = "72h"
  }
  enable_mesh_gateway_wan_federation = true
  enable_serverless_plugin           = true
  test_ca_leaf_root_change_spread    = "1ns"
}
consul {
  raft { election_timeout = "1s" }
}
data_dir                             = "/nonexistent/registryd"
datacenter                           = "DC2"
default_query_time                   = "301s"
disable_anonymous_signature          = true
disable_coordinates                  = true
disable_host_node_id                 = true
disable_http_unprintable_char_filter = true
disable_keyring_file                 = true
disable_remote_exec                  = true
disable_update_check                 = true
discard_check_output                 = true
discovery_max_stale                  = "5s"
dns_config {
  allow_stale                     = false
  a_record_limit                  = 7
  cache_max_age                   = "5m"
  disable_compression             = true
  enable_additional_node_meta_txt = false
  enable_truncate                 = true
  max_stale                       = "10s"
  node_ttl                        = "11s"
  only_passing                    = true
  prefer_namespace                = true
  recursor_strategy               = "random"
  recursor_timeout                = "3s"
  service_ttl {
    "*"   = "12s"
    "web" = "13s"
  }
  soa {
    refresh = 1
    retry   = 2
    expire  = 3
    min_ttl = 4
  }
  udp_answer_limit = 8
  use_cache        = true
}
domain                        = "Example"
enable_agent_tls_for_checks   = true
enable_central_service_config = true
enable_debug                  = true
enable_local_script_checks    = true
enable_script_checks          = true
enable_syslog                 = true
encrypt                       = "key"
encrypt_verify_incoming       = true
encrypt_verify_outgoing       = true
experiments                   = ["resource-apis"]
gossip_lan { gossip_nodes = 6 }
gossip_wan { gossip_nodes = 2 }
history {
  max_count = 100
  max_age   = "25h"
}
http_config {
  allow_write_http_from = ["127.0.0.0/8"]
  block_endpoints       = ["/v1/agent"]
  max_header_bytes      = 10000
  response_headers { X-Here = "yes" }
  use_cache = false
}
leave_on_terminate       = true
license_path             = "license"
license_poll_base_time   = "1s"
license_poll_max_time    = "1s"
license_update_base_time = "1s"
license_update_max_time  = "1s"
limits {
  http_max_conns_per_client = 201
  https_handshake_timeout   = "6s"
  kv_max_value_size         = 524289
  rpc_client_timeout        = "61s"
  rpc_handshake_timeout     = "7s"
  rpc_max_burst             = 1001
  rpc_max_conns_per_client  = 101
  rpc_rate                  = 12.5
  txn_max_req_len           = 524290
  request_limits {
    mode       = "enforcing"
    read_rate  = 1.5
    write_rate = 2
  }
}
locality {
  region = "r"
  zone   = "z"
}
log_file             = "log/"
log_json             = true
log_level            = "warn"
log_rotate_bytes     = 1000
log_rotate_duration  = "25h"
log_rotate_max_files = -1
max_query_time       = "601s"
node_id              = "0F3B1C3A-5D0B-4A1E-9C57-2F6B8D3E7A90"
node_meta { rack = "r1" }
node_name = "n1"
partition = "p"
peering { enabled = true }
performance {
  leave_drain_time = "6s"
  raft_multiplier  = 2
  rpc_hold_timeout = "8s"
}
pid_file = "pid"
ports {
  dns              = 18600
  expose_max_port  = 3
  expose_min_port  = 2
  grpc             = 18502
  grpc_tls         = 18503
  http             = 18500
  https            = 18501
  proxy_max_port   = 3
  proxy_min_port   = 2
  serf_lan         = 18301
  serf_wan         = 18302
  server           = 18300
  sidecar_max_port = 3
  sidecar_min_port = 2
}
primary_datacenter        = "dc1"
primary_gateways          = ["127.0.0.1"]
primary_gateways_interval = "30s"
protocol                  = 2
raft_boltdb { NoFreelistSync = true }
raft_logstore {
  backend           = "wal"
  disable_log_cache = true
  boltdb { no_freelist_sync = true }
  verification {
    enabled  = true
    interval = "60s"
  }
  wal { segment_size_mb = 15 }
}
raft_protocol           = 3
raft_snapshot_interval  = "31s"
raft_snapshot_threshold = 16385
raft_trailing_logs      = 10241
read_replica            = false
reconnect_timeout       = "73h"
reconnect_timeout_wan   = "74h"
recursors               = ["10.0.0.2", "10.0.0.3:5353", "[fd00::3]:53"]
rejoin_after_leave      = true
reporting {
  license { enabled = false }
}
retry_interval     = "29s"
retry_interval_wan = "28s"
retry_join         = ["10.0.0.1"]
retry_join_wan     = ["10.0.0.9"]
retry_max          = 5
retry_max_wan      = 6
revision           = "abc"
rpc { enable_streaming = true }
segment                 = "s"
segment_limit           = 64
segment_name_limit      = 64
segments                = [{ name = "s" }]
serf_lan                = "127.0.0.8"
serf_lan_allowed_cidrs  = ["127.0.0.0/8"]
serf_wan                = "127.0.0.9"
serf_wan_allowed_cidrs  = ["127.0.0.0/8"]
server                  = true
server_name             = "s.example"
server_rejoin_age_max   = "24h"
service {
  name = "web"
  port = 80
  proxy { destination_service_name = "db" }
}
services                     = [{ name = "db", port = 5432 }]
session_ttl_min              = "12s"
skip_leave_on_interrupt      = false
snapshot_agent               = {}
start_join_wan               = ["10.0.0.9"]
sync_coordinate_interval_min = "15s"
sync_coordinate_rate_target  = 64.0
syslog_facility              = "LOCAL1"
tagged_addresses { extra = "10.9.9.9" }
telemetry {
  circonus_api_app                       = "x"
  circonus_api_token                     = "x"
  circonus_api_url                       = "x"
  circonus_broker_id                     = "x"
  circonus_broker_select_tag             = "x"
  circonus_check_display_name            = "x"
  circonus_check_force_metric_activation = "x"
  circonus_check_id                      = "x"
  circonus_check_instance_id             = "x"
  circonus_check_search_tag              = "x"
  circonus_check_tags                    = "x"
  circonus_submission_interval           = "10s"
  circonus_submission_url                = "x"
  disable_compat_1.9                     = true
  disable_hostname                       = true
  disable_per_tenancy_usage_metrics      = true
  dogstatsd_addr                         = "x"
  dogstatsd_tags                         = ["x"]
  enable_host_metrics                    = true
  filter_default                         = false
  metrics_prefix                         = "reg"
  prefix_filter                          = ["+a", "-b"]
  prometheus_retention_time              = "15s"
  retry_failed_connection                = true
  statsd_address                         = "x"
  statsite_address                       = "x"
}
tls {
  defaults {
    ca_file                = "ca.pem"
    ca_path                = "ca"
    cert_file              = "cert.pem"
    key_file               = "key.pem"
    tls_cipher_suites      = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    tls_min_version        = "TLSv1_3"
    verify_incoming        = true
    verify_outgoing        = true
    verify_server_hostname = true
    use_auto_cert          = true
  }
  grpc { use_auto_cert = true }
  https {
    cert_file       = "https.pem"
    verify_incoming = false
    use_auto_cert   = true
  }
  internal_rpc {
    tls_min_version = "TLSv1_2"
    use_auto_cert   = true
  }
}
tls_prefer_server_cipher_suites = true
translate_wan_addrs             = true
ui_config {
  enabled                       = true
  content_path                  = "/page/"
  dir                           = "page"
  metrics_provider              = "prometheus"
  metrics_provider_files        = ["x"]
  metrics_provider_options_json = "{}"
  metrics_proxy { base_url = "http://x" }
  dashboard_url_templates { a = "b" }
}
unix_sockets {
  user  = "u"
  group = "g"
  mode  = "0770"
}
use_streaming_backend = true
version               = "1.16.9"
version_metadata      = "m"
version_prerelease    = "dev"
watches               = [{ type = "key", key = "k", handler = "h" }]
xds { update_max_per_second = 250.0 }
