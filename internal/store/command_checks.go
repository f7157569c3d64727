package store

import "time"

// CheckUpdate is the outcome of a check's run, or what a client told of it: its
// address, without port, is Client then.
type CheckUpdate struct {
	Node, CheckID, Status, Output, Client string
}

// UpdateChecks sets status and output of checks. Updates from a server that no
// longer owns the check are dropped, and so are those of checks that are gone.
type UpdateChecks struct {
	From    string // name of the server that ran the checks; empty: take all
	Updates []CheckUpdate
	// Floor is the least time a check has to be critical before its service is
	// deregistered; 0 means MinDeregisterAfter. It comes with the command since
	// it is configured, and all servers must reckon with the same.
	Floor time.Duration
}

func (c *UpdateChecks) floor() time.Duration {
	if c.Floor == 0 {
		return MinDeregisterAfter
	}
	return c.Floor
}

// CheckRef names a check.
type CheckRef struct{ Node, CheckID string }

// ChecksDue does what is to be done by now about checks: it deregisters the
// services of those that have been critical for too long. Only the leader
// proposes it. What is not due by the time of the command is passed over.
type ChecksDue struct {
	Checks []CheckRef

	By By
}

func (*UpdateChecks) kind() byte { return kindUpdateChecks }
func (*ChecksDue) kind() byte    { return kindChecksDue }

func (c *UpdateChecks) appendTo(b []byte) []byte {
	b = putString(b, 1, c.From)
	for _, u := range c.Updates {
		b = putMessage(b, 2, func(b []byte) []byte {
			b = putString(putString(putString(b, 1, u.Node), 2, u.CheckID), 3, u.Status)
			return putString(putString(b, 4, u.Output), 5, u.Client)
		})
	}
	return putInt(b, 3, int64(c.Floor))
}

func decodeUpdateChecks(b []byte) (Command, error) {
	c := &UpdateChecks{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.From = f.str()
		case 2:
			var u CheckUpdate
			err := texts(f.bytes, &u.Node, &u.CheckID, &u.Status, &u.Output, &u.Client)
			c.Updates = append(c.Updates, u)
			return err
		case 3:
			c.Floor = time.Duration(f.int())
		}
		return nil
	})
}

func (c *ChecksDue) appendTo(b []byte) []byte {
	for _, r := range c.Checks {
		b = putMessage(b, 1, func(b []byte) []byte { return putString(putString(b, 1, r.Node), 2, r.CheckID) })
	}
	return putBy(b, 2, &c.By)
}

func decodeChecksDue(b []byte) (Command, error) {
	c := &ChecksDue{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			var r CheckRef
			err := texts(f.bytes, &r.Node, &r.CheckID)
			c.Checks = append(c.Checks, r)
			return err
		case 2:
			return decodeBy(f.bytes, &c.By)
		}
		return nil
	})
}

// texts reads a message that has only texts, numbered from 1.
func texts(b []byte, to ...*string) error {
	return fields(b, func(f field) error {
		if i := int(f.num) - 1; i < len(to) {
			*to[i] = f.str()
		}
		return nil
	})
}
