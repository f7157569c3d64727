package store

import "github.com/registryd/registryd/pkg/api"

// SessionCreate makes a session. Who proposes it has chosen the ID and checked
// the fields that do not depend on the state.
type SessionCreate struct {
	Session api.Session
}

// SessionDestroy ends a session: what it holds is released or deleted, as its
// Behavior says. An unknown one is fine.
type SessionDestroy struct {
	ID string
}

func (*SessionCreate) kind() byte  { return kindSessionCreate }
func (*SessionDestroy) kind() byte { return kindSessionDestroy }

func (c *SessionCreate) appendTo(b []byte) []byte { return appendSession(b, &c.Session) }

func decodeSessionCreate(b []byte) (Command, error) {
	c := &SessionCreate{}
	return c, decodeSession(b, &c.Session)
}

func (c *SessionDestroy) appendTo(b []byte) []byte { return putString(b, 1, c.ID) }

func decodeSessionDestroy(b []byte) (Command, error) {
	c := &SessionDestroy{}
	return c, fields(b, func(f field) error {
		if f.num == 1 {
			c.ID = f.str()
		}
		return nil
	})
}

func appendSession(b []byte, s *api.Session) []byte {
	b = putString(b, 1, s.ID)
	b = putString(b, 2, s.Name)
	b = putString(b, 3, s.Node)
	b = putInt(b, 4, s.LockDelay)
	b = putString(b, 5, s.Behavior)
	b = putString(b, 6, s.TTL)
	b = putStrings(b, 7, s.NodeChecks)
	if s.ServiceChecks != nil && len(s.ServiceChecks) == 0 {
		b = putEmpty(b, 8)
	}
	for _, c := range s.ServiceChecks {
		b = putMessage(b, 8, func(b []byte) []byte { return putString(putString(b, 1, c.ID), 2, c.Namespace) })
	}
	b = putUint(b, 9, s.CreateIndex)
	return putUint(b, 10, s.ModifyIndex)
}

func decodeSession(b []byte, s *api.Session) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			s.ID = f.str()
		case 2:
			s.Name = f.str()
		case 3:
			s.Node = f.str()
		case 4:
			s.LockDelay = f.int()
		case 5:
			s.Behavior = f.str()
		case 6:
			s.TTL = f.str()
		case 7:
			s.NodeChecks = addString(s.NodeChecks, f)
		case 8:
			if f.empty {
				s.ServiceChecks = []api.ServiceCheck{}
				return nil
			}
			var c api.ServiceCheck
			err := fields(f.bytes, func(g field) error {
				switch g.num {
				case 1:
					c.ID = g.str()
				case 2:
					c.Namespace = g.str()
				}
				return nil
			})
			s.ServiceChecks = append(s.ServiceChecks, c)
			return err
		case 9:
			s.CreateIndex = f.u
		case 10:
			s.ModifyIndex = f.u
		}
		return nil
	})
}
