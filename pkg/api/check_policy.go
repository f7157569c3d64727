package api

import (
	"fmt"
	"math"
	"strings"
	"time"
)

const (
	// CheckPolicyKind is the kind of config entry that a CheckPolicy is. Consul
	// has none such.
	CheckPolicyKind = "check-policy"
	// AllServices is the name of the policy for services that have none of their
	// own, and for checks that belong to no service.
	AllServices = "*"
)

// Limits of a policy.
const (
	maxDampingChanges = 100
	maxPolicyTime     = 24 * time.Hour
)

// CheckPolicy says what the servers make of reports on the checks of a service.
// The policy of a service counts alone: nothing is added from that for all.
type CheckPolicy struct {
	Kind string // CheckPolicyKind
	Name string // a service's name, or AllServices

	Damping *CheckDamping     `json:",omitempty"` // nil: checks may flap
	Guard   *CheckGuard       `json:",omitempty"` // nil: all may fail at once
	Meta    map[string]string `json:",omitempty"`

	CreateIndex uint64
	ModifyIndex uint64
}

// CheckDamping holds a check critical that changes too often: one that has
// changed to or from critical more than Changes times within Window. It is
// released after Hold if it has not changed meanwhile; else it is held again,
// twice as long each time, but never longer than MaxHold at a time. How often it
// was held is forgotten when it has not changed for MaxHold.
type CheckDamping struct {
	Changes int      // 1 to 100; 0 means 5
	Window  Duration // 0 means 1m
	Hold    Duration // 0 means 30s
	MaxHold Duration // at least Hold; 0 means 10m, or Hold if that is longer
}

// CheckGuard keeps instances as they are while too many seem to fail: when more
// than Share of a service's instances, and at least two, would have turned
// critical within one interval of their checks, further ones keep their status
// for Hold.
type CheckGuard struct {
	Share float64  // above 0 and below 1; 0 means 0.5
	Hold  Duration // 0 means 5m
}

// Complete fills in what is not given and says what is wrong with the rest: one
// line, of kind Invalid.
func (p *CheckPolicy) Complete() error {
	switch {
	case p.Kind != CheckPolicyKind:
		return policyError("Kind is %q, not %q", p.Kind, CheckPolicyKind)
	case p.Name == "":
		return policyError(`Name is required: a service's name, or "*" for all`)
	case strings.ContainsAny(p.Name, "/\x00"):
		return policyError("Name %q is no service's name", p.Name)
	}
	if d := p.Damping; d != nil {
		if err := d.complete(); err != nil {
			return err
		}
	}
	if g := p.Guard; g != nil {
		return g.complete()
	}
	return nil
}

func (d *CheckDamping) complete() error {
	if d.Changes == 0 {
		d.Changes = 5
	}
	setDuration(&d.Window, time.Minute)
	setDuration(&d.Hold, 30*time.Second)
	setDuration(&d.MaxHold, max(10*time.Minute, time.Duration(d.Hold)))
	if d.Changes < 1 || d.Changes > maxDampingChanges {
		return policyError("Damping.Changes is %d: use 1 to %d", d.Changes, maxDampingChanges)
	}
	for _, f := range []struct {
		name  string
		value Duration
	}{{"Damping.Window", d.Window}, {"Damping.Hold", d.Hold}, {"Damping.MaxHold", d.MaxHold}} {
		if err := checkTime(f.name, f.value); err != nil {
			return err
		}
	}
	if d.MaxHold < d.Hold {
		return policyError("Damping.MaxHold is %s, less than Damping.Hold %s", d.MaxHold, d.Hold)
	}
	return nil
}

func (g *CheckGuard) complete() error {
	if g.Share == 0 {
		g.Share = 0.5
	}
	setDuration(&g.Hold, 5*time.Minute)
	if !(g.Share > 0 && g.Share < 1) || math.IsNaN(g.Share) {
		return policyError("Guard.Share is %v: use a number above 0 and below 1", g.Share)
	}
	return checkTime("Guard.Hold", g.Hold)
}

func setDuration(d *Duration, unset time.Duration) {
	if *d == 0 {
		*d = Duration(unset)
	}
}

func checkTime(name string, d Duration) error {
	if t := time.Duration(d); t < time.Second || t > maxPolicyTime {
		return policyError("%s is %s: use 1s to %s", name, d, maxPolicyTime)
	}
	return nil
}

func policyError(format string, args ...any) error {
	return E(Invalid, "Invalid check policy: "+fmt.Sprintf(format, args...))
}
