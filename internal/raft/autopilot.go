package raft

import "time"

// AutopilotConfig are the rules by which the leader looks after the servers.
// The fields and defaults are those of Consul's operator API.
type AutopilotConfig struct {
	// CleanupDeadServers removes servers that failed, as long as a quorum
	// allows it.
	CleanupDeadServers bool
	// LastContactThreshold is how long ago a healthy server heard from the
	// leader at most, MaxTrailingLogs how many entries its log is behind.
	LastContactThreshold time.Duration
	MaxTrailingLogs      uint64
	// MinQuorum is the number of voters below which none is removed.
	MinQuorum uint
	// ServerStabilizationTime is how long a new server must be healthy before
	// it gets a vote.
	ServerStabilizationTime time.Duration
}

// DefaultAutopilotConfig returns Consul's defaults.
func DefaultAutopilotConfig() AutopilotConfig {
	return AutopilotConfig{
		CleanupDeadServers:      true,
		LastContactThreshold:    200 * time.Millisecond,
		MaxTrailingLogs:         250,
		ServerStabilizationTime: 10 * time.Second,
	}
}
