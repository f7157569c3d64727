package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) operator() *cobra.Command {
	return parent("operator", "Look after the servers of the cluster",
		parent("raft", "Look at and change the set of servers",
			t.raftListPeers(), t.raftRemovePeer(), t.raftTransferLeader()),
		parent("autopilot", "Look at and change how the leader looks after the servers",
			t.autopilotGet(), t.autopilotSet(), t.autopilotState()),
		t.usage())
}

func (t *tool) raftListPeers() *cobra.Command {
	return &cobra.Command{
		Use:     "list-peers",
		Short:   "List the servers that agree on the log",
		Example: "  registryctl operator raft list-peers",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			conf, err := c.Operator().RaftConfiguration(cmd.Context(), t.read())
			if err != nil {
				return err
			}
			return t.show(conf, func(w io.Writer) { printPeers(w, conf.Servers) })
		},
	}
}

func printPeers(w io.Writer, servers []*api.RaftServer) {
	var leader uint64
	for _, s := range servers {
		if s.Leader {
			leader = s.LastIndex
		}
	}
	var rows [][]string
	for _, s := range servers {
		state, trails := "follower", "-"
		switch {
		case s.Leader:
			state = "leader"
		case leader >= s.LastIndex:
			trails = strconv.FormatUint(leader-s.LastIndex, 10) + " commits"
		}
		rows = append(rows, []string{s.Node, s.ID, s.Address, state, strconv.FormatBool(s.Voter), s.ProtocolVersion,
			strconv.FormatUint(s.LastIndex, 10), trails})
	}
	table(w, "Node|ID|Address|State|Voter|RaftProtocol|Commit Index|Trails Leader By", rows)
}

func (t *tool) raftRemovePeer() *cobra.Command {
	var id, addr string
	cmd := &cobra.Command{
		Use:     "remove-peer",
		Short:   "Take a server that is gone for good out of the set",
		Example: "  registryctl operator raft remove-peer -id=8b1e…\n  registryctl operator raft remove-peer -address=10.0.0.3:8300",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (id == "") == (addr == "") {
				return usagef("give the -id or the -address of the server: see registryctl operator raft list-peers")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if id != "" {
				if err := c.Operator().RemovePeer(cmd.Context(), id); err != nil {
					return err
				}
				return t.done(success{true}, "Removed peer with id %q", id)
			}
			if err := c.Operator().RemovePeerAddress(cmd.Context(), addr); err != nil {
				return err
			}
			return t.done(success{true}, "Removed peer with address %q", addr)
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "`ID` of the server")
	cmd.Flags().StringVar(&addr, "address", "", "`address` of its server port")
	return cmd
}

func (t *tool) raftTransferLeader() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:     "transfer-leader",
		Short:   "Make another server the leader",
		Example: "  registryctl operator raft transfer-leader\n  registryctl operator raft transfer-leader -id=8b1e…",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Operator().TransferLeader(cmd.Context(), id); err != nil {
				return err
			}
			return t.done(success{true}, "Success")
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "`ID` of the server; any that is fit by default")
	return cmd
}

func (t *tool) usage() *cobra.Command {
	run := func(cmd *cobra.Command, _ []string) error {
		c, err := t.client()
		if err != nil {
			return err
		}
		usage, _, err := c.Operator().Usage(cmd.Context(), t.read())
		if err != nil {
			return err
		}
		return t.show(usage, func(w io.Writer) { printUsage(w, usage) })
	}
	cmd := &cobra.Command{
		Use:     "usage",
		Short:   "Count nodes, services and instances",
		Example: "  registryctl operator usage",
		Args:    args(0, 0),
		RunE:    run,
	}
	instances := &cobra.Command{
		Use:     "instances",
		Short:   "The same, in Consul's words",
		Example: "  registryctl operator usage instances",
		Args:    args(0, 0),
		RunE:    run,
	}
	for _, name := range []string{"all-datacenters", "only-billable", "only-connect"} {
		instances.Flags().Bool(name, false, "accepted for Consul's command lines, without effect")
		_ = instances.Flags().MarkHidden(name)
	}
	cmd.AddCommand(instances)
	return cmd
}

func printUsage(w io.Writer, usage map[string]*api.Usage) {
	var rows [][]string
	for _, dc := range sortedKeys(usage) {
		u := usage[dc]
		rows = append(rows, []string{dc, fmt.Sprint(u.Nodes), fmt.Sprint(u.Services), fmt.Sprint(u.ServiceInstances), fmt.Sprint(u.BillableServiceInstances)})
	}
	table(w, "Datacenter|Nodes|Services|Service instances|Billable", rows)
}
