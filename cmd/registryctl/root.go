package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// tool is one run of the command line: where it reads and writes, and what the
// flags that all commands share say.
type tool struct {
	in       io.Reader
	out, err io.Writer

	conn    connection
	format  string
	started bool // the arguments were understood
	opened  []io.Closer
}

// Groups of commands on the help page.
const (
	groupLook    = "look"
	groupChange  = "change"
	groupKeys    = "keys"
	groupServers = "servers"
	groupTool    = "tool"
)

// root builds the tree of commands. Each noun has a file of its own.
func (t *tool) root() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "registryctl",
		Short: "Look at and change a registryd cluster",
		Long: `registryctl looks at and changes a registryd cluster through its HTTP API.
The words are those of Consul's command line wherever that has the command.

Flags may be written -name or --name. The servers are found by --http-addr or
CONSUL_HTTP_ADDR (several with commas; 127.0.0.1:8500 by default); the other
CONSUL_… variables for tokens and TLS count as well.

Shells complete commands, flags and the names of services, nodes and keys after
registryctl completion bash|zsh|fish|powershell. Colours are for terminals only,
and off where NO_COLOR is set.

Exit codes: 0 it worked, 1 it did not, 2 the command line is wrong or what a
lookup asked for is not there.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := checkFormat(t.format); err != nil {
				return err
			}
			t.started = true
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case version:
				return t.printVersion()
			case len(args) > 0:
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s (see %s --help)", flagFault(err), cmd.CommandPath())
	})
	root.Flags().BoolVarP(&version, "version", "v", false, "print the version")
	t.conn.flags(root.PersistentFlags())
	root.PersistentFlags().StringVarP(&t.format, "format", "o", "", "`form` of the output: table or json")
	complete(root, "format", "table", "json")

	root.AddGroup(
		&cobra.Group{ID: groupLook, Title: "Find services:"},
		&cobra.Group{ID: groupChange, Title: "Register and maintain:"},
		&cobra.Group{ID: groupKeys, Title: "Keys, locks and queries:"},
		&cobra.Group{ID: groupServers, Title: "Run the cluster:"},
		&cobra.Group{ID: groupTool, Title: "Other:"},
	)
	root.SetHelpCommandGroupID(groupTool)
	root.SetCompletionCommandGroupID(groupTool)
	add(root, groupLook, t.lookup(), t.watch(), t.health(), t.why(), t.checks(), t.history(), t.catalog(), t.rtt())
	add(root, groupChange, t.services(), t.maint(), t.config())
	add(root, groupKeys, t.kv(), t.lock(), t.session(), t.event(), t.query())
	add(root, groupServers, t.members(), t.top(), t.doctor(), t.join(), t.leave(), t.forceLeave(), t.info(), t.monitor(),
		t.reload(), t.operator(), t.snapshot(), t.debug())
	add(root, groupTool, t.validate(), t.docs(), t.version())
	return root
}

// add puts commands below root, in a group of its help page.
func add(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// parent is a command that only holds others.
func parent(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return usagef("%s needs a command: %s (see %s --help)", cmd.CommandPath(), names(cmd), cmd.CommandPath())
		},
	}
	cmd.AddCommand(subs...)
	return cmd
}

func unknownCommand(cmd *cobra.Command, word string) error {
	hint := ""
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		hint = fmt.Sprintf(", did you mean %q?", near[0])
	}
	return usagef("%s has no command %q%s (see %s --help)", cmd.CommandPath(), word, hint, cmd.CommandPath())
}

// names lists the commands below cmd.
func names(cmd *cobra.Command) string {
	var list []string
	for _, sub := range cmd.Commands() {
		list = append(list, sub.Name())
	}
	return strings.Join(list, ", ")
}

// args checks how many arguments there are; most below 0 means any number.
func args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		_, line, _ := strings.Cut(strings.TrimSuffix(cmd.UseLine(), " [flags]"), " ")
		switch {
		case len(args) < least:
			return usagef("argument missing: registryctl %s (see %s --help)", line, cmd.CommandPath())
		case most >= 0 && len(args) > most:
			return usagef("unexpected argument %q: registryctl %s (see %s --help)", args[most], line, cmd.CommandPath())
		}
		return nil
	}
}
