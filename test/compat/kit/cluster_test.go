package kit

import (
	"fmt"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/testutil"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// join makes a server that waits for others instead of founding a cluster.
func join(of *testutil.TestServer, server bool) func(*testutil.TestServerConfig) {
	return func(c *testutil.TestServerConfig) {
		c.Server, c.Bootstrap, c.RetryJoin = server, false, []string{of.LANAddr}
		c.Autopilot = &testutil.TestAutopilotConfig{ServerStabilizationTime: "1ms"}
	}
}

// An agent that is not a server serves everything and has no vote.
func TestAgentWithoutAVote(t *testing.T) {
	t.Parallel()
	s, _ := start(t, nil)
	agent, client := start(t, join(s, false))
	agent.WaitForSerfCheck(t)
	agent.SetKVString(t, "from", "the agent")
	require.Equal(t, "the agent", s.GetKVString(t, "from"))
	require.NoError(t, client.Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "beside"}))
	raft, err := client.Operator().RaftGetConfiguration(nil)
	require.NoError(t, err)
	for _, r := range raft.Servers {
		require.Equal(t, r.ID == s.Config.NodeID, r.Voter, r.Node)
	}
}

// Joined by a call after the start, as suites do it.
func TestJoinByCall(t *testing.T) {
	t.Parallel()
	first, client := start(t, func(c *testutil.TestServerConfig) {
		c.Autopilot = &testutil.TestAutopilotConfig{ServerStabilizationTime: "1ms"}
	})
	second, err := testutil.NewTestServerConfigT(t, func(c *testutil.TestServerConfig) { c.Bootstrap = false })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	second.JoinLAN(t, first.LANAddr)
	second.WaitForVoting(t)
	members, err := client.Agent().Members(false)
	require.NoError(t, err)
	require.Len(t, members, 2)
}

// Leadership goes to and fro; whoever is asked right behind knows who has it.
func TestLeaderTransfer(t *testing.T) {
	t.Parallel()
	first, client := start(t, func(c *testutil.TestServerConfig) {
		c.Autopilot = &testutil.TestAutopilotConfig{ServerStabilizationTime: "1ms"}
	})
	second, _ := start(t, join(first, true))
	second.WaitForVoting(t)
	for _, to := range []*testutil.TestServer{second, first, second} {
		r, err := client.Operator().RaftLeaderTransfer(to.Config.NodeID, nil)
		require.NoError(t, err)
		require.True(t, r.Success)
		raft, err := client.Operator().RaftGetConfiguration(nil)
		require.NoError(t, err)
		for _, s := range raft.Servers {
			require.Equal(t, s.ID == to.Config.NodeID, s.Leader, fmt.Sprintf("%+v", s))
		}
	}
}

// Who leaves is no longer a member in good standing.
func TestLeave(t *testing.T) {
	t.Parallel()
	first, client := start(t, nil)
	second, other := start(t, join(first, false))
	// The server ends with its answer, which may be lost.
	_ = other.Agent().Leave()
	rig.Eventually(t, "it has left", func() error {
		members, err := client.Agent().Members(false)
		for _, m := range members {
			if m.Name == second.Config.NodeName && m.Status == 1 {
				return fmt.Errorf("it is %+v", m)
			}
		}
		return err
	})
	rig.Eventually(t, "its node is gone", func() error {
		node, _, err := client.Catalog().Node(second.Config.NodeName, nil)
		if err == nil && node != nil {
			err = fmt.Errorf("it is %+v", node.Node)
		}
		return err
	})
}
