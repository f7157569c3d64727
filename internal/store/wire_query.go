package store

import "github.com/registryd/registryd/pkg/api"

func (c *QuerySet) appendTo(b []byte) []byte {
	b = putBool(b, 1, c.Update)
	return putMessage(b, 2, func(b []byte) []byte { return appendQuery(b, &c.Query) })
}

func decodeQuerySet(b []byte) (Command, error) {
	c := &QuerySet{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Update = f.bool()
		case 2:
			return decodeQuery(f.bytes, &c.Query)
		}
		return nil
	})
}

func (c *QueryDelete) appendTo(b []byte) []byte { return putString(b, 1, c.ID) }

func decodeQueryDelete(b []byte) (Command, error) {
	c := &QueryDelete{}
	return c, fields(b, func(f field) error {
		if f.num == 1 {
			c.ID = f.str()
		}
		return nil
	})
}

func appendQuery(b []byte, q *api.PreparedQuery) []byte {
	b = putString(b, 1, q.ID)
	b = putString(b, 2, q.Name)
	b = putString(b, 3, q.Session)
	b = putString(b, 4, q.Token)
	b = putString(b, 5, q.Template.Type)
	b = putString(b, 6, q.Template.Regexp)
	b = putBool(b, 7, q.Template.RemoveEmptyTags)
	b = putMessage(b, 8, func(b []byte) []byte { return appendServiceQuery(b, &q.Service) })
	b = putString(b, 9, q.DNS.TTL)
	b = putUint(b, 10, q.CreateIndex)
	return putUint(b, 11, q.ModifyIndex)
}

func decodeQuery(b []byte, q *api.PreparedQuery) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			q.ID = f.str()
		case 2:
			q.Name = f.str()
		case 3:
			q.Session = f.str()
		case 4:
			q.Token = f.str()
		case 5:
			q.Template.Type = f.str()
		case 6:
			q.Template.Regexp = f.str()
		case 7:
			q.Template.RemoveEmptyTags = f.bool()
		case 8:
			return decodeServiceQuery(f.bytes, &q.Service)
		case 9:
			q.DNS.TTL = f.str()
		case 10:
			q.CreateIndex = f.u
		case 11:
			q.ModifyIndex = f.u
		}
		return nil
	})
}

func appendServiceQuery(b []byte, s *api.ServiceQuery) []byte {
	b = putString(b, 1, s.Service)
	b = putInt(b, 2, int64(s.Failover.NearestN))
	b = putStrings(b, 3, s.Failover.Datacenters)
	if s.Failover.Targets != nil && len(s.Failover.Targets) == 0 {
		b = putEmpty(b, 4)
	}
	for _, t := range s.Failover.Targets {
		b = putMessage(b, 4, func(b []byte) []byte { return putString(putString(b, 1, t.Peer), 2, t.Datacenter) })
	}
	b = putBool(b, 5, s.OnlyPassing)
	b = putStrings(b, 6, s.IgnoreCheckIDs)
	b = putString(b, 7, s.Near)
	b = putStrings(b, 8, s.Tags)
	b = putStringMap(b, 9, s.NodeMeta)
	b = putStringMap(b, 10, s.ServiceMeta)
	b = putBool(b, 11, s.Connect)
	b = putString(b, 12, s.Peer)
	return putString(b, 13, s.SamenessGroup)
}

func decodeServiceQuery(b []byte, s *api.ServiceQuery) error {
	return fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			s.Service = f.str()
		case 2:
			s.Failover.NearestN = int(f.int())
		case 3:
			s.Failover.Datacenters = addString(s.Failover.Datacenters, f)
		case 4:
			s.Failover.Targets, err = addTarget(s.Failover.Targets, f)
		case 5:
			s.OnlyPassing = f.bool()
		case 6:
			s.IgnoreCheckIDs = addString(s.IgnoreCheckIDs, f)
		case 7:
			s.Near = f.str()
		case 8:
			s.Tags = addString(s.Tags, f)
		case 9:
			s.NodeMeta, err = addStringEntry(s.NodeMeta, f)
		case 10:
			s.ServiceMeta, err = addStringEntry(s.ServiceMeta, f)
		case 11:
			s.Connect = f.bool()
		case 12:
			s.Peer = f.str()
		case 13:
			s.SamenessGroup = f.str()
		}
		return err
	})
}

func addTarget(l []api.QueryFailoverTarget, f field) ([]api.QueryFailoverTarget, error) {
	if f.empty {
		return []api.QueryFailoverTarget{}, nil
	}
	var t api.QueryFailoverTarget
	err := fields(f.bytes, func(g field) error {
		switch g.num {
		case 1:
			t.Peer = g.str()
		case 2:
			t.Datacenter = g.str()
		}
		return nil
	})
	return append(l, t), err
}
