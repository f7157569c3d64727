package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// sighting is what is shown of an instance.
type sighting struct {
	node, id, address, status, why string
}

// sightings lists entries by what tells them apart.
func sightings(entries []*api.Entry) map[string]sighting {
	m := make(map[string]sighting, len(entries))
	for _, e := range entries {
		m[e.Node.Node+"\x00"+e.Service.ID] = sighting{e.Node.Node, e.Service.ID, hostPort(e), e.Status(), troubles(e)}
	}
	return m
}

// change is a line of the watch.
type change struct {
	Time    time.Time
	Change  string // "present", "came", "went", "moved" or "state"
	ID      string
	Node    string
	Address string
	Status  string
	Was     string `json:",omitempty"` // the status or address before
	Why     string `json:",omitempty"` // the checks that do not pass
}

// compare says what became of the instances, sorted by ID and node. First is
// for those that were there when the watch began.
func compare(before, now map[string]sighting, first bool) []change {
	var list []change
	add := func(s sighting, what, was string) {
		list = append(list, change{Change: what, ID: s.id, Node: s.node, Address: s.address, Status: s.status, Was: was, Why: s.why})
	}
	for key, s := range now {
		old, known := before[key]
		switch {
		case !known && first:
			add(s, "present", "")
		case !known:
			add(s, "came", "")
		default:
			if old.address != s.address {
				add(s, "moved", old.address)
			}
			if old.status != s.status {
				add(s, "state", old.status)
			}
		}
	}
	for key, s := range before {
		if _, there := now[key]; !there {
			add(s, "went", "")
		}
	}
	slices.SortStableFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Node, b.Node))
	})
	return list
}

// tell prints a change.
func (t *tool) tell(c change) error {
	if t.json() {
		return writeLine(t.out, c)
	}
	line := fmt.Sprintf("%s  %-7s  %s on %s at %s  ", c.Time.Format(time.TimeOnly), c.Change, c.ID, c.Node, c.Address)
	switch c.Change {
	case "state":
		line += c.Was + " -> " + c.Status
	case "moved":
		line += c.Status + ", was at " + c.Was
	default:
		line += c.Status
	}
	if c.Why != "" && c.Change != "went" {
		line += "  (" + c.Why + ")"
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}
