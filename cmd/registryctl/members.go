package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) members() *cobra.Command {
	var detailed, wan bool
	var status, filter string
	cmd := &cobra.Command{
		Use:     "members",
		Short:   "List the servers of the cluster",
		Example: "  registryctl members\n  registryctl members -detailed\n  registryctl members -status=failed",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			like, err := regexp.Compile(status)
			if err != nil {
				return usagef("-status is no regular expression: %s", err)
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			all, err := c.Agent().Members(cmd.Context(), wan, filter)
			if err != nil {
				return err
			}
			some := slices.DeleteFunc(all, func(m *api.Member) bool { return !like.MatchString(statusOf(m)) })
			if len(some) == 0 {
				return absentf("no member is like that")
			}
			slices.SortFunc(some, func(a, b *api.Member) int { return cmp.Compare(a.Name, b.Name) })
			return t.show(some, func(w io.Writer) { printMembers(w, some, detailed) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&detailed, "detailed", false, "show all tags")
	f.BoolVar(&wan, "wan", false, "list the servers under the names that other datacenters know")
	f.StringVar(&status, "status", ".*", "only members whose status is like this `pattern`")
	f.StringVar(&filter, "filter", "", "only members that this `expression` selects")
	f.String("segment", "", "accepted for Consul's command lines, without effect")
	_ = f.MarkHidden("segment")
	complete(cmd, "status", "alive", "failed", "left", "leaving")
	return cmd
}

func printMembers(w io.Writer, members []*api.Member, detailed bool) {
	var rows [][]string
	for _, m := range members {
		addr := net.JoinHostPort(m.Addr, strconv.Itoa(int(m.Port)))
		if detailed {
			rows = append(rows, []string{m.Name, addr, statusOf(m), pairs(m.Tags)})
			continue
		}
		build, _, _ := strings.Cut(m.Tags["build"], ":")
		rows = append(rows, []string{m.Name, addr, statusOf(m), typeOf(m), build, m.Tags["vsn"], m.Tags["dc"],
			cmp.Or(m.Tags["ap"], "default"), cmp.Or(m.Tags["segment"], "<all>")})
	}
	if detailed {
		table(w, "Node|Address|Status|Tags", rows)
		return
	}
	table(w, "Node|Address|Status|Type|Build|Protocol|DC|Partition|Segment", rows)
}

func statusOf(m *api.Member) string {
	names := []string{"none", "alive", "leaving", "left", "failed"}
	if m.Status < 0 || m.Status >= len(names) {
		return fmt.Sprintf("unknown (%d)", m.Status)
	}
	return names[m.Status]
}

// typeOf says what a member's role tag means.
func typeOf(m *api.Member) string {
	switch m.Tags["role"] {
	case "consul":
		return "server"
	case "node":
		return "client"
	}
	return "unknown"
}
