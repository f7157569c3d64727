package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) event() *cobra.Command {
	var e api.UserEvent
	cmd := &cobra.Command{
		Use:   "event [PAYLOAD]",
		Short: "Fire an event, or list the last ones",
		Long: `Fires an event for all servers to keep. PAYLOAD that begins with @ names a file,
and "-" is standard input. The patterns say who it is meant for.`,
		Example:     "  registryctl event -name=deploy v1.2.3\n  registryctl event -name=deploy -service=web\n  registryctl event list",
		Args:        args(0, 1),
		Annotations: dataOnly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.Name == "" {
				return usagef("-name is missing: it names the event to fire")
			}
			var err error
			if e.Payload, err = t.data(args); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			id, err := c.Events().Fire(cmd.Context(), &e)
			if err != nil {
				return err
			}
			return t.done(struct{ ID string }{id}, "Event ID: %s", id)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.Name, "name", "", "`name` of the event")
	f.StringVar(&e.NodeFilter, "node", "", "`pattern` of the nodes it is meant for")
	f.StringVar(&e.ServiceFilter, "service", "", "`pattern` of the services it is meant for")
	f.StringVar(&e.TagFilter, "tag", "", "`pattern` of tags; needs -service")
	cmd.AddCommand(t.eventList())
	return cmd
}

func (t *tool) eventList() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "list [NAME]",
		Short:   "List the last events, oldest first",
		Example: "  registryctl event list\n  registryctl event list deploy",
		Args:    args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				name = args[0]
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			events, _, err := c.Events().List(cmd.Context(), name, t.read())
			if err != nil {
				return err
			}
			return t.show(list(events), func(w io.Writer) { printEvents(w, events) })
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "only events of this `name`")
	return cmd
}

func printEvents(w io.Writer, events []*api.UserEvent) {
	var rows [][]string
	for _, e := range events {
		payload := string(e.Payload)
		if quoted := strconv.Quote(payload); quoted != `"`+payload+`"` {
			payload = quoted // it would harm a terminal, or the table
		}
		rows = append(rows, []string{e.Name, e.ID, fmt.Sprint(e.LTime), clip(payload, 60)})
	}
	table(w, "Name|ID|LTime|Payload", rows)
}
