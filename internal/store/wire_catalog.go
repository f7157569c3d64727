package store

import "github.com/registryd/registryd/pkg/api"

func appendNode(b []byte, n *api.Node) []byte {
	b = putString(b, 1, n.ID)
	b = putString(b, 2, n.Node)
	b = putString(b, 3, n.Address)
	b = putString(b, 4, n.Datacenter)
	b = putStringMap(b, 5, n.TaggedAddresses)
	b = putStringMap(b, 6, n.Meta)
	b = putUint(b, 7, n.CreateIndex)
	return putUint(b, 8, n.ModifyIndex)
}

func decodeNode(b []byte) (*api.Node, error) {
	n := &api.Node{}
	return n, fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			n.ID = f.str()
		case 2:
			n.Node = f.str()
		case 3:
			n.Address = f.str()
		case 4:
			n.Datacenter = f.str()
		case 5:
			n.TaggedAddresses, err = addStringEntry(n.TaggedAddresses, f)
		case 6:
			n.Meta, err = addStringEntry(n.Meta, f)
		case 7:
			n.CreateIndex = f.u
		case 8:
			n.ModifyIndex = f.u
		}
		return err
	})
}

func appendAddress(b []byte, a api.ServiceAddress) []byte {
	return putInt(putString(b, 2, a.Address), 3, int64(a.Port))
}

func appendService(b []byte, s *api.Service) []byte {
	b = putString(b, 1, s.ID)
	b = putString(b, 2, s.Service)
	b = putStrings(b, 3, s.Tags)
	b = putString(b, 4, s.Address)
	b = putMap(b, 5, s.TaggedAddresses, appendAddress)
	b = putStringMap(b, 6, s.Meta)
	b = putInt(b, 7, int64(s.Port))
	b = putString(b, 8, s.SocketPath)
	if s.Weights != nil {
		b = putMessage(b, 9, func(b []byte) []byte {
			return putInt(putInt(b, 1, int64(s.Weights.Passing)), 2, int64(s.Weights.Warning))
		})
	}
	b = putBool(b, 10, s.EnableTagOverride)
	b = putString(b, 11, s.Kind)
	b = putUint(b, 12, s.CreateIndex)
	b = putUint(b, 13, s.ModifyIndex)
	if s.Locality != nil {
		b = putMessage(b, 14, func(b []byte) []byte {
			return putString(putString(b, 1, s.Locality.Region), 2, s.Locality.Zone)
		})
	}
	return putString(b, 15, s.Origin)
}

func decodeService(b []byte) (*api.Service, error) {
	s := &api.Service{}
	return s, fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			s.ID = f.str()
		case 2:
			s.Service = f.str()
		case 3:
			s.Tags = addString(s.Tags, f)
		case 4:
			s.Address = f.str()
		case 5:
			s.TaggedAddresses, err = addEntry(s.TaggedAddresses, f, func(a *api.ServiceAddress, g field) error {
				switch g.num {
				case 2:
					a.Address = g.str()
				case 3:
					a.Port = int(g.int())
				}
				return nil
			})
		case 6:
			s.Meta, err = addStringEntry(s.Meta, f)
		case 7:
			s.Port = int(f.int())
		case 8:
			s.SocketPath = f.str()
		case 9:
			s.Weights = &api.Weights{}
			err = fields(f.bytes, func(g field) error {
				switch g.num {
				case 1:
					s.Weights.Passing = int(g.int())
				case 2:
					s.Weights.Warning = int(g.int())
				}
				return nil
			})
		case 10:
			s.EnableTagOverride = f.bool()
		case 11:
			s.Kind = f.str()
		case 12:
			s.CreateIndex = f.u
		case 13:
			s.ModifyIndex = f.u
		case 14:
			s.Locality = &api.Locality{}
			err = fields(f.bytes, func(g field) error {
				switch g.num {
				case 1:
					s.Locality.Region = g.str()
				case 2:
					s.Locality.Zone = g.str()
				}
				return nil
			})
		case 15:
			s.Origin = f.str()
		}
		return err
	})
}
