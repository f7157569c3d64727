package raft

import "time"

// timing holds every timeout of consensus, already multiplied.
//
// A killed leader is noticed after heartbeat, and the election needs one round
// trip and two fsyncs, so that a write succeeds again well within a second.
type timing struct {
	// heartbeat is how long a follower waits for a leader before it stands for
	// election, election how long a candidate waits before it tries again. The
	// library sends heartbeats at a tenth to a fifth of the former.
	heartbeat, election time.Duration
	// step is how long a leader goes without contact to a majority.
	step time.Duration
	// guard is how long after a sign of life of the leader a server denies its
	// vote, and readLease how long a leader trusts an acknowledgement of a
	// majority. readLease < guard is what makes reads under the lease safe; the
	// difference is the allowance for clocks that run at different speeds.
	guard, readLease time.Duration
	// stagger separates the elections of followers, so that votes do not split.
	stagger time.Duration
	// commit is the longest pause before the library tells followers how far
	// the log is committed, when the push of commitpush.go was lost.
	commit time.Duration
	// rpc bounds a request to another server.
	rpc time.Duration
	// dead is how long a server may be silent before it is reported failed.
	dead time.Duration
	// cleanup is how long a server must have failed before autopilot removes
	// it: long enough to restart it. pilot is how often autopilot acts.
	cleanup, pilot time.Duration
}

func newTiming(multiplier float64) timing {
	if multiplier <= 0 {
		multiplier = 1
	}
	ms := func(n float64) time.Duration {
		return time.Duration(n * multiplier * float64(time.Millisecond))
	}
	return timing{
		heartbeat: ms(500),
		election:  ms(500),
		step:      ms(400),
		guard:     ms(450),
		readLease: ms(350),
		stagger:   ms(150),
		commit:    200 * time.Millisecond,
		rpc:       max(time.Second, ms(1000)),
		// The catalog must show a failure within two seconds of the last sign
		// of life: half a second is left for noticing and committing it.
		dead:    1500 * time.Millisecond,
		cleanup: 10 * time.Second,
		pilot:   10 * time.Second,
	}
}
