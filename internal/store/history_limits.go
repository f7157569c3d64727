package store

// SetHistory sets the limits of the history. The leader proposes it when the
// state has others than its configuration says, so that all servers drop the
// same events. The Result is not OK if they were those already.
type SetHistory struct {
	Limits HistoryLimits
}

func (*SetHistory) kind() byte { return kindHistory }

func (c *SetHistory) apply(d *draft) Result {
	h := &d.next.history
	if c.Limits == h.limits {
		return Result{}
	}
	h.limits = c.Limits
	h.trim(d.now)
	if h.limits == (HistoryLimits{}) {
		d.records.remove(bucketMisc, miscHistory)
	} else {
		d.records.put(bucketMisc, miscHistory, h.limits)
	}
	return done
}

func (c *SetHistory) appendTo(b []byte) []byte { return appendHistoryLimits(b, c.Limits) }

func decodeSetHistory(b []byte) (Command, error) {
	c := &SetHistory{}
	return c, decodeHistoryLimits(b, &c.Limits)
}
