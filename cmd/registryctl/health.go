package main

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) health() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "health [SERVICE]",
		Short: "Show how the services are, or the instances of one",
		Long: `Counts the instances of each service by the worst status of their checks, or
lists the instances of one service with the checks that do not pass.`,
		Example: "  registryctl health\n  registryctl health web\n  registryctl health web -o json",
		Args:    args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				entries, err := everyInstance(cmd.Context(), c, s.apply(t.read()))
				if err != nil {
					return err
				}
				sums := summarise(entries)
				return t.show(list(sums), func(w io.Writer) { printSums(w, sums) })
			}
			entries, _, err := c.Health().Service(cmd.Context(), args[0], s.apply(t.read()))
			if err != nil {
				return err
			}
			if err := t.show(list(entries), func(w io.Writer) { printHealth(w, entries) }); err != nil || len(entries) > 0 {
				return err
			}
			return absentf("no instance of %q%s", args[0], s.words())
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	s.flags(cmd, t)
	return cmd
}

// serviceSum counts the instances of a service by status.
type serviceSum struct {
	Service                                            string
	Instances, Passing, Warning, Critical, Maintenance int
}

// summarise counts entries, which are sorted by service.
func summarise(entries []*api.Entry) []*serviceSum {
	var sums []*serviceSum
	for _, e := range entries {
		if len(sums) == 0 || sums[len(sums)-1].Service != e.Service.Service {
			sums = append(sums, &serviceSum{Service: e.Service.Service})
		}
		s := sums[len(sums)-1]
		s.Instances++
		switch e.Status() {
		case api.Passing:
			s.Passing++
		case api.Warning:
			s.Warning++
		case api.Maintenance:
			s.Maintenance++
		default:
			s.Critical++
		}
	}
	return sums
}

func printSums(w io.Writer, sums []*serviceSum) {
	var rows [][]string
	for _, s := range sums {
		rows = append(rows, []string{s.Service, strconv.Itoa(s.Instances), strconv.Itoa(s.Passing), strconv.Itoa(s.Warning),
			strconv.Itoa(s.Critical), strconv.Itoa(s.Maintenance)})
	}
	table(w, "Service|Instances|Passing|Warning|Critical|Maintenance", rows)
}

func printHealth(w io.Writer, entries []*api.Entry) {
	var rows [][]string
	for _, e := range entries {
		rows = append(rows, []string{e.Service.ID, e.Node.Node, hostPort(e), e.Status(), troubles(e)})
	}
	table(w, "ID|Node|Address|Status|Why", rows)
}
