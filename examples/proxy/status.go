package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/registryd/registryd/pkg/balance"
)

// report is what /_proxy/status shows.
type report struct {
	Requests, Failed, Retries int64
	balance.Status
}

// status shows the counts of each instance: as a table, or in JSON with
// ?format=json or if the client asks for it.
func (p *proxy) status(w http.ResponseWriter, r *http.Request) {
	s := report{p.requests.Load(), p.failed.Load(), p.retries.Load(), p.b.Status()}
	if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(s)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "service %s, policy %s: %d requests, %d failed, %d retries\n", s.Service, s.Policy, s.Requests, s.Failed, s.Retries)
	if s.Err != "" {
		fmt.Fprintf(w, "list is up to %v old: %s\n", s.Age.Round(time.Second), s.Err)
	}
	if s.Panicking {
		fmt.Fprintln(w, "too few instances are usable: all are used")
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "INSTANCE\tADDRESS\tNODE\tSTATUS\tIN USE\tANSWERED\tFAILED\tUNDER WAY\tOUT FOR")
	for _, in := range s.Instances {
		out := "-"
		if in.EjectedFor > 0 {
			out = in.EjectedFor.Round(100 * time.Millisecond).String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%t\t%d\t%d\t%d\t%s\n", in.ID, in.Addr, in.Node, in.Status, in.Usable, in.Successes, in.Failures, in.Outstanding, out)
	}
	_ = t.Flush()
}
