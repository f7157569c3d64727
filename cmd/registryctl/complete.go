package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// completer offers words for an argument to the shell.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete offers fixed words for a flag's value.
func complete(cmd *cobra.Command, flag string, words ...string) {
	completeBy(cmd, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// completeBy offers what c says for a flag's value.
func completeBy(cmd *cobra.Command, flag string, c completer) {
	// The error is about a flag that does not exist or was given twice, which
	// no user could do anything about; a test walks over all flags instead.
	_ = cmd.RegisterFlagCompletionFunc(flag, c)
}

// first limits c to the first argument.
func first(c completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c(cmd, args, word)
	}
}

// live offers what the servers know, or nothing when they do not answer soon.
func (t *tool) live(fetch func(context.Context, *api.Client) ([]string, error)) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := t.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
		defer cancel()
		words, err := fetch(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// serviceNames offers the names of all services.
func (t *tool) serviceNames() completer {
	return t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
		services, _, err := c.Catalog().Services(ctx, &api.QueryOptions{Consistency: api.ReadStale})
		return sortedKeys(services), err
	})
}

// nodeNames offers the names of all nodes.
func (t *tool) nodeNames() completer {
	return t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
		nodes, _, err := c.Catalog().Nodes(ctx, &api.QueryOptions{Consistency: api.ReadStale})
		var names []string
		for _, n := range nodes {
			names = append(names, n.Node)
		}
		return names, err
	})
}

// serviceIDs offers the IDs of the instances registered through the servers: any
// of them can be changed through any server.
func (t *tool) serviceIDs() completer {
	return t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
		services, err := c.Agent().ClusterServices(ctx, "")
		ids := map[string]bool{}
		for _, s := range services {
			ids[s.ID] = true
		}
		return sortedKeys(ids), err
	})
}

// checkIDs offers those of the checks.
func (t *tool) checkIDs() completer {
	return t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
		checks, err := c.Agent().ClusterChecks(ctx, "")
		ids := map[string]bool{}
		for _, k := range checks {
			ids[k.CheckID] = true
		}
		return sortedKeys(ids), err
	})
}
