package raft

import "slices"

// proposal is a new cluster: its first servers, all voters.
type proposal struct {
	ID      string // random, never used again
	Servers []founder
}

type founder struct{ ID, Address string }

func (p *proposal) has(id string) bool {
	return slices.ContainsFunc(p.Servers, func(f founder) bool { return f.ID == id })
}
