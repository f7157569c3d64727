package main

import (
	"github.com/spf13/cobra"
)

func (t *tool) join() *cobra.Command {
	var wan bool
	cmd := &cobra.Command{
		Use:     "join ADDRESS...",
		Short:   "Make the server join the cluster of another",
		Example: "  registryctl join 10.0.0.2\n  registryctl join 10.0.0.2:8300 10.0.0.3:8300",
		Args:    args(1, -1),
		RunE: func(cmd *cobra.Command, addrs []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			var failure error
			joined := 0
			for _, addr := range addrs {
				if err := c.Agent().Join(cmd.Context(), addr, wan); err != nil {
					failure = err
					continue
				}
				joined++
			}
			if joined == 0 {
				return failure
			}
			return t.done(struct{ Joined int }{joined}, "Successfully joined cluster by contacting %d nodes.", joined)
		},
	}
	cmd.Flags().BoolVar(&wan, "wan", false, "join as a server of another datacenter")
	return cmd
}

func (t *tool) leave() *cobra.Command {
	return &cobra.Command{
		Use:     "leave",
		Short:   "Make the server leave the cluster and end",
		Example: "  registryctl leave --http-addr=10.0.0.3:8500",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Agent().Leave(cmd.Context()); err != nil {
				return err
			}
			return t.done(success{true}, "Graceful leave complete")
		},
	}
}

func (t *tool) forceLeave() *cobra.Command {
	var prune, wan bool
	cmd := &cobra.Command{
		Use:     "force-leave NODE",
		Short:   "Declare a failed server gone",
		Example: "  registryctl force-leave server-3\n  registryctl force-leave -prune server-3",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Agent().ForceLeave(cmd.Context(), args[0], prune); err != nil {
				return err
			}
			return t.done(success{true}, "%s is no longer a member", args[0])
		},
		ValidArgsFunction: first(t.nodeNames()),
	}
	cmd.Flags().BoolVar(&prune, "prune", false, "forget it, too")
	cmd.Flags().BoolVar(&wan, "wan", false, "accepted for Consul's command lines, without effect")
	_ = cmd.Flags().MarkHidden("wan")
	return cmd
}
