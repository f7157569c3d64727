package config

import "time"

// Default returns what holds where no source says otherwise. It is not yet
// valid: it has no data directory and no resolved addresses.
func Default() *Config {
	return &Config{
		Datacenter: "dc1",
		Given:      Given{BindAddr: "0.0.0.0", ClientAddr: "127.0.0.1"},
		Ports: Ports{
			HTTP: 8500, HTTPS: -1, DNS: 8600, Server: 8300,
			SerfLAN: 8301, SerfWAN: 8302, GRPC: -1, GRPCTLS: -1,
		},
		RetryInterval:      30 * time.Second,
		ServerRejoinAgeMax: 168 * time.Hour,
		ReconnectTimeout:   72 * time.Hour,
		Domain:             "consul.",
		DNS: DNS{
			AllowStale:       true,
			MaxStale:         87600 * time.Hour,
			UDPAnswerLimit:   3,
			NodeMetaTXT:      true,
			RecursorStrategy: "sequential",
			RecursorTimeout:  2 * time.Second,
			SOA:              SOA{Refresh: 3600, Retry: 600, Expire: 86400},
		},
		Performance: Performance{
			RaftMultiplier: defaultRaftMultiplier,
			LeaveDrainTime: 5 * time.Second,
			RPCHoldTimeout: 7 * time.Second,
		},
		// The log is kept shorter than Consul keeps it: the checkpoint behind it
		// makes cutting it cheap, and a long one makes raft-boltdb slow.
		Raft: Raft{
			Protocol:          3,
			SnapshotThreshold: 16384,
			SnapshotInterval:  5 * time.Second,
			TrailingLogs:      4096,
		},
		RaftLog: RaftLog{Backend: "boltdb"},
		Autopilot: Autopilot{
			CleanupDeadServers:      true,
			LastContactThreshold:    200 * time.Millisecond,
			MaxTrailingLogs:         250,
			ServerStabilizationTime: 10 * time.Second,
		},
		History: History{MaxCount: 4096, MaxAge: 168 * time.Hour},
		Limits: Limits{
			HTTPMaxConnsPerClient: 200,
			HTTPSHandshakeTimeout: 5 * time.Second,
			RPCHandshakeTimeout:   5 * time.Second,
			RPCClientTimeout:      60 * time.Second,
			RPCMaxConnsPerClient:  100,
			RPCRate:               -1,
			RPCMaxBurst:           1000,
			KVMaxValueSize:        512 << 10,
			TxnMaxReqLen:          512 << 10,
			RequestLimits:         RequestLimits{Mode: "disabled", ReadRate: -1, WriteRate: -1},
		},
		HTTP: HTTPConfig{UseCache: true},
		TLS:  TLS{Defaults: TLSDoor{MinVersion: "TLSv1_2"}},
		ACL: ACL{
			DefaultPolicy: "allow",
			DownPolicy:    "extend-cache",
			TokenTTL:      30 * time.Second,
			PolicyTTL:     30 * time.Second,
		},
		UI:                  UI{ContentPath: "/ui/"},
		Telemetry:           Telemetry{MetricsPrefix: "consul", FilterDefault: true},
		Log:                 Log{Level: "INFO", RotateDuration: 24 * time.Hour},
		DefaultQueryTime:    5 * time.Minute,
		MaxQueryTime:        10 * time.Minute,
		SessionTTLMin:       10 * time.Second,
		CheckUpdateInterval: 5 * time.Minute,
		CheckOutputMaxSize:  4096,
		CheckDeregisterMin:  time.Minute,
	}
}

const defaultRaftMultiplier = 5

// DefaultDev returns the defaults of development mode: one server on
// 127.0.0.1 that elects itself at once and tells much.
func DefaultDev() *Config {
	c := Default()
	c.Dev = true
	c.Server = true
	c.Bootstrap = true
	c.Given.BindAddr = "127.0.0.1"
	c.Performance.RaftMultiplier = 1
	c.Log.Level = "DEBUG"
	c.EnableDebug = true
	return c
}
