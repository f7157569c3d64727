package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// How a command takes its arguments, kept in its Annotations.
const (
	// argsData marks commands whose later arguments are data: behind the first
	// one, a word that begins with a dash and names no flag is data, too.
	argsData = "data"
	// argsCommand marks commands whose arguments end with another command:
	// what is behind "--", or else behind the first argument, is not ours.
	argsCommand = "command"
	// argsHandler marks commands that are like those once the flag is given
	// that it names.
	argsHandler = "handler"
)

// normalise puts a command line into the form that cobra reads: the words of
// the command, then the flags, each as --name=value, then "--" and the other
// arguments. Flags may be written -name or --name, with the value behind = or
// as the next word, anywhere on the line, as in Consul's tools and in others.
func normalise(root *cobra.Command, args []string) []string {
	if len(args) > 0 && strings.HasPrefix(args[0], "__") {
		return args // the shell asks for completions
	}
	n := normaliser{cmd: root, ours: len(args)}
	if end := slices.Index(args, "--"); end >= 0 {
		n.ours, n.marked = end, true
	}
	for i := 0; i < n.ours; i++ {
		i += n.take(args[i], args[i+1:n.ours])
	}
	if n.ours < len(args) {
		if n.marked {
			n.ours++
		}
		n.rest = append(n.rest, args[n.ours:]...)
	}
	out := append(n.words, n.flags...)
	if len(n.rest) > 0 {
		out = append(append(out, "--"), n.rest...)
	}
	return out
}

// normaliser holds what was read so far.
type normaliser struct {
	cmd    *cobra.Command // that the words name
	words  []string
	flags  []string
	rest   []string
	ours   int  // how many arguments may be flags
	marked bool // there is a "--" behind those
}

// take reads an argument and returns how many of the following ones it used.
func (n *normaliser) take(arg string, following []string) int {
	if !strings.HasPrefix(arg, "-") || arg == "-" || isNumber(arg) {
		n.word(arg, len(following))
		return 0
	}
	name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	f := findFlag(n.cmd, name)
	switch {
	case name == "help" || name == "h":
		n.flags = append(n.flags, "--help")
	case f == nil && n.cmd.Annotations[argsData] != "" && len(n.rest) > 0:
		n.rest = append(n.rest, arg)
	case f == nil && attached(n.cmd, arg):
		n.flags = append(n.flags, arg)
	case f == nil:
		n.flags = append(n.flags, "--"+strings.TrimLeft(arg, "-"))
	case given:
		n.flags = append(n.flags, "--"+f.Name+"="+value)
	case f.NoOptDefVal == "" && len(following) > 0:
		n.flags = append(n.flags, "--"+f.Name+"="+following[0])
		return 1
	default:
		n.flags = append(n.flags, "--"+f.Name)
	}
	return 0
}

// word reads an argument that is no flag, with so many behind it.
func (n *normaliser) word(arg string, behind int) {
	if len(n.rest) == 0 {
		for _, sub := range n.cmd.Commands() {
			if sub.Name() == arg || sub.HasAlias(arg) {
				n.cmd, n.words = sub, append(n.words, arg)
				return
			}
		}
	}
	n.rest = append(n.rest, arg)
	if n.endsWithCommand() && !n.marked {
		n.ours -= behind // ends the loop: the others are the command's
	}
}

// endsWithCommand reports whether the words behind the first argument are a
// command's.
func (n *normaliser) endsWithCommand() bool {
	if n.cmd.Annotations[argsCommand] != "" {
		return true
	}
	flag := n.cmd.Annotations[argsHandler]
	return flag != "" && slices.ContainsFunc(n.flags, func(f string) bool { return strings.HasPrefix(f, "--"+flag+"=") })
}

// findFlag returns a flag of the command or of those above it, by name or
// letter; nil if there is none.
func findFlag(cmd *cobra.Command, name string) *pflag.Flag {
	for c := cmd; c != nil; c = c.Parent() {
		sets := []*pflag.FlagSet{c.PersistentFlags()}
		if c == cmd {
			sets = append(sets, c.Flags())
		}
		for _, set := range sets {
			if f := set.Lookup(name); f != nil {
				return f
			}
			if len(name) == 1 {
				if f := set.ShorthandLookup(name); f != nil {
					return f
				}
			}
		}
	}
	return nil
}

// attached reports whether arg is a flag's letter with its value, as -ojson.
func attached(cmd *cobra.Command, arg string) bool {
	if strings.HasPrefix(arg, "--") {
		return false
	}
	f := findFlag(cmd, arg[1:2])
	return f != nil && f.Shorthand == arg[1:2] && f.NoOptDefVal == ""
}

// isNumber reports whether a word with a dash is a number below zero.
func isNumber(arg string) bool {
	_, err := strconv.ParseFloat(arg, 64)
	return err == nil && len(arg) > 1 && arg[1] >= '0' && arg[1] <= '9'
}
