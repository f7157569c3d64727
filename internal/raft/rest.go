package raft

// A server that left, or that an operator removed, rests: it looks for no cluster
// until JoinCluster tells it to.

func (j *joiner) rests() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.resting
}

func (j *joiner) rest(resting bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.resting = resting
}

// presentRun returns the name of this server's present run.
func (j *joiner) presentRun() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.run
}

// removed lets this server rest, which an operator removed in the run. It reports
// false, and does nothing, when another run has begun since.
func (j *joiner) removed(run string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.run != run {
		return false
	}
	if !j.resting {
		j.node.log.Warn("this server was removed from the cluster; it joins again when told to or restarted")
	}
	j.resting = true
	return true
}
