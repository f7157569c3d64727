package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) snapshot() *cobra.Command {
	return parent("snapshot", "Save, restore and look at snapshots of the whole state",
		t.snapshotSave(), t.snapshotRestore(), t.snapshotInspect())
}

func (t *tool) snapshotSave() *cobra.Command {
	return &cobra.Command{
		Use:     "save FILE",
		Short:   "Save the whole state to a file, and check the file",
		Example: "  registryctl snapshot save backup.snap",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			body, _, err := c.Snapshots().Save(cmd.Context(), t.read())
			if err != nil {
				return err
			}
			defer body.Close()
			p := t.progress()
			info, err := saveArchive(args[0], p.reading(body, "saving", 0))
			p.done()
			if err != nil {
				return fmt.Errorf("save snapshot: %w", err)
			}
			return t.done(info, "Saved and verified snapshot to index %d", info.Index)
		},
	}
}

// saveArchive writes an archive to a file. The file appears under its name only
// when it is whole, proven good and safely on the disk.
func saveArchive(name string, archive io.Reader) (*snapshotInfo, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) // nothing is left there after the renaming
	defer f.Close()
	if _, err := io.Copy(f, archive); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	info, err := inspect(f, keyView{})
	if err != nil {
		return nil, err
	}
	return info, os.Rename(f.Name(), name)
}

func (t *tool) snapshotRestore() *cobra.Command {
	return &cobra.Command{
		Use:     "restore FILE",
		Short:   "Replace the whole state of the cluster by that of a snapshot",
		Long:    "Replaces the whole state by that of a snapshot (\"-\" is standard input). A damaged\nfile is refused before anything changes.",
		Example: "  registryctl snapshot restore backup.snap",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.patient(0) // the time it takes depends on the size
			if err != nil {
				return err
			}
			if err := t.restore(cmd.Context(), c, args[0]); err != nil {
				return err
			}
			return t.done(success{true}, "Restored snapshot")
		},
	}
}

func (t *tool) restore(ctx context.Context, c *api.Client, name string) error {
	if name == "-" {
		data, err := io.ReadAll(t.in)
		if err != nil {
			return err
		}
		if _, err := inspect(bytes.NewReader(data), keyView{}); err != nil {
			return err
		}
		return c.Snapshots().Restore(ctx, bytes.NewReader(data))
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := inspect(f, keyView{}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var size int64
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	p := t.progress()
	defer p.done()
	return c.Snapshots().Restore(ctx, p.reading(f, "restoring", size))
}

func (t *tool) snapshotInspect() *cobra.Command {
	var v keyView
	var format string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Check a snapshot file and show what is in it",
		Example: `  registryctl snapshot inspect backup.snap
  registryctl snapshot inspect -kvdetails -kvdepth=1 -kvfilter=app/ backup.snap`,
		Args: args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case v.depth < 1:
				return usagef("-kvdepth must be at least 1")
			case format != "pretty" && format != "json":
				return usagef("-format is pretty or json, not %q", format)
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := inspect(f, v)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if format == "json" {
				return writeJSON(t.out, info)
			}
			return t.show(info, func(w io.Writer) { printSnapshot(w, info) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&v.on, "kvdetails", false, "count keys by what their names begin with")
	f.IntVar(&v.depth, "kvdepth", 2, "how many `parts` of a key's name, between slashes, make a group")
	f.StringVar(&v.filter, "kvfilter", "", "count only keys that begin with this `prefix`")
	f.StringVar(&format, "format", "pretty", "pretty or json, which is the same as -o=json")
	return cmd
}

func printSnapshot(w io.Writer, info *snapshotInfo) {
	for _, line := range [][2]string{
		{"ID", info.ID},
		{"Size", strconv.FormatInt(info.Size, 10)},
		{"Index", strconv.FormatUint(info.Index, 10)},
		{"Term", strconv.FormatUint(info.Term, 10)},
		{"Version", strconv.Itoa(info.Version)},
		{"Format", shown(info.Format)},
		{"Datacenter", shown(info.Datacenter)},
	} {
		fmt.Fprintf(w, "%-10s  %s\n", line[0], line[1])
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, f := range info.Files {
		rows = append(rows, []string{f.Name, strconv.FormatInt(f.Size, 10), f.SHA256})
	}
	table(w, "File|Size|SHA-256", rows)
	printTallies(w, "Records|Count|Size", info.Records)
	printTallies(w, "Keys|Count|Size", info.Keys)
}

func printTallies(w io.Writer, heading string, list []tally) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, t := range list {
		rows = append(rows, []string{t.Name, strconv.Itoa(t.Count), strconv.FormatInt(t.Size, 10)})
	}
	table(w, heading, rows)
}
