package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) config() *cobra.Command {
	return parent("config", "Write, read, list and delete config entries, such as check policies",
		t.configWrite(), t.configRead(), t.configList(), t.configDelete())
}

// entryKinds are the kinds of config entries that registryd keeps.
func entryKinds() []string {
	return []string{api.CheckPolicyKind, "proxy-defaults", "service-defaults"}
}

// entryID is what names a config entry.
type entryID struct{ kind, name string }

// flags defines the flags, with words for the shell.
func (id *entryID) flags(cmd *cobra.Command, t *tool) {
	kindFlag(cmd, &id.kind)
	cmd.Flags().StringVar(&id.name, "name", "", "`name` of the entry")
	completeBy(cmd, "name", t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
		entries, _, err := c.ConfigEntries().List(ctx, cmp.Or(id.kind, api.CheckPolicyKind), &api.QueryOptions{Consistency: api.ReadStale})
		var names []string
		for _, e := range entries {
			names = append(names, e.Name)
		}
		return names, err
	}))
}

func kindFlag(cmd *cobra.Command, kind *string) {
	cmd.Flags().StringVar(kind, "kind", "", "`kind` of the entry, such as check-policy")
	complete(cmd, "kind", entryKinds()...)
}

// check refuses an incomplete one.
func (id *entryID) check() error {
	switch {
	case id.kind == "":
		return noKind()
	case id.name == "":
		return usagef("-name is missing: see registryctl config list -kind=%s", id.kind)
	}
	return nil
}

func noKind() error { return usagef("-kind is missing: use %s", strings.Join(entryKinds(), ", ")) }

// String is the entry in messages, or all of its kind if it has no name.
func (id *entryID) String() string {
	if id.name == "" {
		return id.kind
	}
	return id.kind + "/" + id.name
}

// explain says which entry could not be what, and which kinds there are if that
// may be why.
func (id *entryID) explain(doing string, err error) error {
	err = fmt.Errorf("%s %s: %w", doing, id, err)
	refused := errors.Is(err, api.Invalid) || errors.Is(err, api.Refused)
	if refused && !slices.Contains(entryKinds(), id.kind) {
		return fmt.Errorf("%w (registryd keeps %s)", err, strings.Join(entryKinds(), ", "))
	}
	return err
}

// condition is what must hold for an entry to be changed.
type condition struct {
	cas   bool
	index uint64
}

func (w *condition) flags(cmd *cobra.Command, cas string) {
	f := cmd.Flags()
	f.BoolVar(&w.cas, "cas", false, cas)
	f.Uint64Var(&w.index, "modify-index", 0, "`index` of the entry, ModifyIndex in what config read prints")
}
