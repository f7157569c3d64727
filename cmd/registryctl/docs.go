package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

func (t *tool) docs() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "docs DIRECTORY",
		Short: "Write the reference of all commands, as markdown or man pages",
		Long: `Writes the reference of all commands into a directory: registryctl.md, or a man
page for each command. It says what --help says.`,
		Example: "  registryctl docs docs\n  registryctl docs --format=man /usr/local/share/man/man1",
		Args:    args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			root := t.root() // without what a run adds to the commands
			var files map[string]string
			switch as {
			case "markdown":
				files = map[string]string{"registryctl.md": markdown(root)}
			case "man":
				files = manPages(root)
			default:
				return usagef("-format=%s is unknown: use markdown or man", as)
			}
			for _, name := range sortedKeys(files) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(files[name]), 0o644); err != nil {
					return err
				}
			}
			return t.done(success{true}, "Wrote %s to %s", plural(len(files), "file", "files"), args[0])
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	// The form of the output means nothing here, so its flag is free.
	cmd.Flags().StringVar(&as, "format", "markdown", "`form` of the reference: markdown or man")
	complete(cmd, "format", "markdown", "man")
	return cmd
}

// chapter is a command with what its reference says.
type chapter struct {
	path     string // its words
	use      string // how it is called
	short    string
	long     string // empty if short says it all
	example  string
	flags    string // as --help shows them
	below    []*cobra.Command
	children bool // others are its only purpose
}

func chapterOf(cmd *cobra.Command) chapter {
	c := chapter{path: cmd.CommandPath(), use: cmd.UseLine(), short: cmd.Short, long: cmd.Long, example: cmd.Example,
		flags: cmd.LocalFlags().FlagUsages()}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			c.below = append(c.below, sub)
		}
	}
	c.children = len(c.below) > 0 && cmd.Example == "" && cmd.HasParent()
	if c.children {
		c.use = c.path + " COMMAND"
	}
	slices.SortFunc(c.below, func(a, b *cobra.Command) int { return cmp.Compare(a.Name(), b.Name()) })
	return c
}

// chapters are those of cmd and everything below it, in the order of the help.
func chapters(cmd *cobra.Command) []chapter {
	own := chapterOf(cmd)
	list := []chapter{own}
	for _, sub := range own.below {
		list = append(list, chapters(sub)...)
	}
	return list
}
