package rig

import (
	"fmt"
	"testing"

	"github.com/hashicorp/consul/api"
)

// Cluster is several servers that replicate one registry.
type Cluster struct {
	Servers []*Server
}

// Three starts a cluster of three servers and waits until each of them knows
// all. config is as in One.
func Three(t testing.TB, config map[string]any) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range 3 {
		c.Servers = append(c.Servers, prepare(t, fmt.Sprintf("server-%d", i+1), config))
	}
	for _, s := range c.Servers {
		s.args = append(s.args, fmt.Sprintf("-bootstrap-expect=%d", len(c.Servers)))
		for _, other := range c.Servers {
			s.args = append(s.args, "-retry-join="+other.join)
		}
		s.Start(t)
	}
	for _, s := range c.Servers {
		s.awaitCluster(t, len(c.Servers))
	}
	return c
}

// Leader returns the server that leads, waiting for one.
func (c *Cluster) Leader(t testing.TB) *Server {
	t.Helper()
	var leader *Server
	Eventually(t, "a leader", func() error {
		for _, s := range c.Servers {
			if !s.running() {
				continue
			}
			addr, err := s.Client().Status().Leader()
			if err != nil {
				return err
			}
			for _, s := range c.Servers {
				if s.join == addr && s.running() {
					leader = s
					return nil
				}
			}
			return fmt.Errorf("%s says that %q leads", s.Name, addr)
		}
		return fmt.Errorf("no server runs")
	})
	return leader
}

// KillLeader ends the leader as kill -9 does and returns it. It does not wait
// for the next one: how a client gets over that time is what is tested.
func (c *Cluster) KillLeader(t testing.TB) *Server {
	t.Helper()
	s := c.Leader(t)
	s.Kill()
	t.Logf("killed the leader, %s", s.Name)
	return s
}

// AwaitWrites waits until a surviving server takes writes again.
func (c *Cluster) AwaitWrites(t testing.TB) {
	t.Helper()
	for _, s := range c.Servers {
		if !s.running() {
			continue
		}
		client := s.Client()
		Eventually(t, "writes through "+s.Name, func() error {
			_, err := client.KV().Put(&api.KVPair{Key: "rig/alive", Value: []byte(s.Name)}, nil)
			return err
		})
	}
}

func (s *Server) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}
