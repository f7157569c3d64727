package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// Verdicts on what the doctor looks at, from best to worst.
const (
	verdictOK      = "ok"
	verdictUnknown = "unknown"
	verdictWarning = "warning" // works, but should be seen to
	verdictBad     = "bad"     // does not work, or may stop to at any time
)

// finding is what the doctor found out about one thing.
type finding struct {
	Check   string
	Verdict string
	Found   string
	Do      string `json:",omitempty"` // what to do about it
}

func (t *tool) doctor() *cobra.Command {
	var dataDir string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the servers, and say what to do about what is wrong",
		Long: `Examines the servers at --http-addr and the cluster that they form: whether they
answer, how their clocks differ, which versions they run, whether their ports are
open, how fast their disks are and how full, and how many servers may fail
before writes stop. It ends with a verdict; the exit code is 1 if something is
bad. Give all servers to --http-addr: clocks, disks and DNS are examined of those
only.

How fast a disk is shows in the figures of a server that writes. With -data-dir
it is measured here as well, by writing to a file in that directory for a second.`,
		Example: "  registryctl doctor\n  registryctl doctor --http-addr=10.0.0.1,10.0.0.2,10.0.0.3\n  registryctl doctor -data-dir=/var/lib/registryd\n  registryctl doctor -o json",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			e := &examination{t: t, c: c}
			e.run(cmd.Context(), dataDir)
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			if err := t.show(e.findings, func(w io.Writer) { printFindings(w, e.findings) }); err != nil {
				return err
			}
			if worst(e.findings) == verdictBad {
				return &exitError{code: exitFailed} // the page said it
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "`directory` in which to measure how fast the disk is")
	_ = cmd.MarkFlagDirname("data-dir")
	return cmd
}

// examination is a run of the doctor.
type examination struct {
	t        *tool
	c        *api.Client
	answer   []*examined // the servers that answer
	findings []*finding
}

func (e *examination) add(check, verdict, do, format string, args ...any) {
	if verdict == verdictOK {
		do = ""
	}
	e.findings = append(e.findings, &finding{Check: check, Verdict: verdict, Found: fmt.Sprintf(format, args...), Do: do})
}

// run looks at one thing after the other.
func (e *examination) run(ctx context.Context, dataDir string) {
	e.servers(ctx)
	if len(e.answer) > 0 {
		e.clocks()
		e.members(ctx)
		e.quorum(ctx)
		e.dns(ctx)
		for _, s := range e.answer {
			e.disk(ctx, s)
		}
	}
	if dataDir != "" {
		e.fsync(ctx, dataDir)
	}
}

// worst is the worst verdict that says something about the cluster.
func worst(findings []*finding) string {
	v := verdictOK
	for _, f := range findings {
		switch {
		case f.Verdict == verdictBad:
			return verdictBad
		case f.Verdict == verdictWarning:
			v = verdictWarning
		}
	}
	return v
}

func printFindings(w io.Writer, findings []*finding) {
	l := lookIn(w)
	var rows [][]string
	for _, f := range findings {
		rows = append(rows, []string{f.Check, f.Verdict, f.Found})
	}
	table(w, "Check|Verdict|Found", rows)
	fmt.Fprintln(w)
	for _, f := range findings {
		if f.Do != "" {
			fmt.Fprintf(w, "%s: %s\n", f.Check, f.Do)
		}
	}
	switch worst(findings) {
	case verdictBad:
		fmt.Fprintf(w, "%s: something is broken, or may be at any time\n", l.in(red, "Verdict"))
	case verdictWarning:
		fmt.Fprintf(w, "%s: it works, but see to the above\n", l.in(yellow, "Verdict"))
	default:
		fmt.Fprintf(w, "%s: healthy\n", l.in(green, "Verdict"))
	}
}

// round shortens a duration for people.
func round(d time.Duration) time.Duration {
	switch {
	case d.Abs() > time.Second:
		return d.Round(100 * time.Millisecond)
	case d.Abs() > time.Millisecond:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
