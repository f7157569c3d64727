package store

import (
	"fmt"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// damp counts a change of what is seen of a check, and holds the check if it
// was one too many. Only changes to and from critical count: one that turns
// between passing and warning goes on serving, and is not to be held for it.
func (d *draft) damp(c *api.Check, v *api.CheckVerdict, before, status string) {
	p := d.next.misc.policies.damping(c)
	switch {
	case p == nil && v.HeldUntil == 0:
		v.Flips, v.Holds = nil, 0
		return
	case p == nil || before != api.Critical && status != api.Critical:
		return
	}
	now := d.now.UnixNano()
	if n := len(v.Flips); n > 0 && now-v.Flips[n-1] >= int64(p.MaxHold) {
		v.Holds = 0
	}
	flips := make([]int64, 0, len(v.Flips)+1)
	for _, at := range v.Flips {
		if now-at < int64(p.Window) && at <= now {
			flips = append(flips, at)
		}
	}
	v.Flips = append(flips, now)
	if most := 2 * p.Changes; len(v.Flips) > most {
		v.Flips = v.Flips[len(v.Flips)-most:] // enough to say that it goes on
	}
	if v.HeldUntil == 0 && len(v.Flips) > p.Changes {
		d.hold(p, v)
	}
}

// hold holds a check critical from now on, twice as long as the last time.
func (d *draft) hold(p *api.CheckDamping, v *api.CheckVerdict) {
	v.HeldUntil = later(d.now.UnixNano(), nextHold(p, v.Holds))
	v.Holds++
	v.GuardedUntil = 0
}

// nextHold returns how long a check is held that was held some times before.
func nextHold(p *api.CheckDamping, holds int) time.Duration {
	hold := time.Duration(p.Hold)
	for ; holds > 0 && hold < time.Duration(p.MaxHold); holds-- {
		hold *= 2
	}
	return min(hold, time.Duration(p.MaxHold))
}

// holdOver decides what becomes of a check whose hold is over: it is held again
// if it has changed meanwhile.
func (d *draft) holdOver(c *api.Check, v *api.CheckVerdict) {
	p := d.next.misc.policies.damping(c)
	if p == nil {
		v.HeldUntil, v.Holds, v.Flips = 0, 0, nil
		return
	}
	began := v.HeldUntil - int64(nextHold(p, v.Holds-1))
	if n := len(v.Flips); n > 0 && v.Flips[n-1] > began {
		d.hold(p, v)
		return
	}
	v.HeldUntil = 0
}

func (d *draft) heldText(c *api.Check, v *api.CheckVerdict) string {
	window := ""
	if p := d.next.misc.policies.damping(c); p != nil {
		window = " in " + short(time.Duration(p.Window))
	}
	return fmt.Sprintf("held critical until %s for flapping (%d changes%s): ", stamp(v.HeldUntil), len(v.Flips), window)
}

// short shows a duration without the zeros at its end.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
