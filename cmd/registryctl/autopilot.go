package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) autopilotGet() *cobra.Command {
	return &cobra.Command{
		Use:     "get-config",
		Short:   "Show the configuration",
		Example: "  registryctl operator autopilot get-config",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			conf, err := c.Operator().AutopilotConfiguration(cmd.Context(), t.read())
			if err != nil {
				return err
			}
			return t.show(conf, func(w io.Writer) {
				fmt.Fprintf(w, "CleanupDeadServers = %v\n", conf.CleanupDeadServers)
				fmt.Fprintf(w, "LastContactThreshold = %v\n", conf.LastContactThreshold)
				fmt.Fprintf(w, "MaxTrailingLogs = %v\n", conf.MaxTrailingLogs)
				fmt.Fprintf(w, "MinQuorum = %v\n", conf.MinQuorum)
				fmt.Fprintf(w, "ServerStabilizationTime = %v\n", conf.ServerStabilizationTime)
				fmt.Fprintf(w, "RedundancyZoneTag = %q\n", conf.RedundancyZoneTag)
				fmt.Fprintf(w, "DisableUpgradeMigration = %v\n", conf.DisableUpgradeMigration)
				fmt.Fprintf(w, "UpgradeVersionTag = %q\n", conf.UpgradeVersionTag)
			})
		},
	}
}

// autopilotChange is what the flags of set-config say.
type autopilotChange struct {
	cleanup, noMigration   bool
	contact, stabilization time.Duration
	trailing               uint64
	quorum                 uint
	zoneTag, versionTag    string
}

func (t *tool) autopilotSet() *cobra.Command {
	var ch autopilotChange
	cmd := &cobra.Command{
		Use:     "set-config",
		Short:   "Change the configuration; what is not given stays",
		Example: "  registryctl operator autopilot set-config -cleanup-dead-servers=false\n  registryctl operator autopilot set-config -server-stabilization-time=5s",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			conf, err := c.Operator().AutopilotConfiguration(cmd.Context(), nil)
			if err != nil {
				return err
			}
			ch.apply(cmd, conf)
			done, err := c.Operator().CASAutopilotConfiguration(cmd.Context(), conf)
			if err != nil {
				return err
			}
			if !done {
				return errors.New("the configuration was changed by somebody else meanwhile: look at it and try again")
			}
			return t.done(success{true}, "Configuration updated!")
		},
	}
	f := cmd.Flags()
	f.BoolVar(&ch.cleanup, "cleanup-dead-servers", false, "remove failed servers when a new one joins")
	f.BoolVar(&ch.noMigration, "disable-upgrade-migration", false, "accepted for Consul's command lines")
	f.DurationVar(&ch.contact, "last-contact-threshold", 0, "longest `time` without contact of a healthy server")
	f.DurationVar(&ch.stabilization, "server-stabilization-time", 0, "`time` a server must be healthy before it gets a vote")
	f.Uint64Var(&ch.trailing, "max-trailing-logs", 0, "largest `number` of entries a healthy server may lag")
	f.UintVar(&ch.quorum, "min-quorum", 0, "least `number` of servers to keep")
	f.StringVar(&ch.zoneTag, "redundancy-zone-tag", "", "accepted for Consul's command lines")
	f.StringVar(&ch.versionTag, "upgrade-version-tag", "", "accepted for Consul's command lines")
	for _, name := range []string{"disable-upgrade-migration", "redundancy-zone-tag", "upgrade-version-tag"} {
		_ = f.MarkHidden(name)
	}
	return cmd
}

// apply changes in conf what flags gave.
func (ch *autopilotChange) apply(cmd *cobra.Command, conf *api.AutopilotConfig) {
	given := cmd.Flags().Changed
	if given("cleanup-dead-servers") {
		conf.CleanupDeadServers = ch.cleanup
	}
	if given("disable-upgrade-migration") {
		conf.DisableUpgradeMigration = ch.noMigration
	}
	if given("last-contact-threshold") {
		conf.LastContactThreshold = api.Duration(ch.contact)
	}
	if given("server-stabilization-time") {
		conf.ServerStabilizationTime = api.Duration(ch.stabilization)
	}
	if given("max-trailing-logs") {
		conf.MaxTrailingLogs = ch.trailing
	}
	if given("min-quorum") {
		conf.MinQuorum = ch.quorum
	}
	if given("redundancy-zone-tag") {
		conf.RedundancyZoneTag = ch.zoneTag
	}
	if given("upgrade-version-tag") {
		conf.UpgradeVersionTag = ch.versionTag
	}
}

func (t *tool) autopilotState() *cobra.Command {
	return &cobra.Command{
		Use:     "state",
		Short:   "Show the leader's opinion of the servers",
		Example: "  registryctl operator autopilot state\n  registryctl operator autopilot state -format=json",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			state, err := c.Operator().AutopilotState(cmd.Context())
			if err != nil {
				return err
			}
			return t.show(state, func(w io.Writer) { printAutopilot(w, state) })
		},
	}
}

func printAutopilot(w io.Writer, s *api.AutopilotState) {
	fmt.Fprintf(w, "Healthy:                      %v\n", s.Healthy)
	fmt.Fprintf(w, "Failure Tolerance:            %d\n", s.FailureTolerance)
	fmt.Fprintf(w, "Optimistic Failure Tolerance: %d\n", s.OptimisticFailureTolerance)
	fmt.Fprintf(w, "Leader:                       %s\n", s.Leader)
	fmt.Fprintln(w, "Voters:")
	for _, id := range s.Voters {
		fmt.Fprintf(w, "   %s\n", id)
	}
	fmt.Fprintln(w, "Servers:")
	for _, id := range sortedKeys(s.Servers) {
		v := s.Servers[id]
		fmt.Fprintf(w, "   %s\n", id)
		for _, line := range [][2]any{
			{"Name:", v.Name}, {"Address:", v.Address}, {"Version:", v.Version}, {"Status:", v.Status},
			{"Node Type:", v.NodeType}, {"Node Status:", v.NodeStatus}, {"Healthy:", v.Healthy},
			{"Last Contact:", v.LastContact}, {"Last Term:", v.LastTerm}, {"Last Index:", v.LastIndex},
		} {
			fmt.Fprintf(w, "      %-14s %v\n", line[0], line[1])
		}
		if len(v.Meta) > 0 {
			fmt.Fprintln(w, "      Meta")
			for _, key := range sortedKeys(v.Meta) {
				fmt.Fprintf(w, "         %q: %q\n", key, v.Meta[key])
			}
		}
	}
}
