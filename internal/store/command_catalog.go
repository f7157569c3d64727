package store

import "github.com/registryd/registryd/pkg/api"

// Register creates or replaces a node, one of its service instances and some
// of its checks. What is equal to what is there changes nothing. Where an agent's
// registration finds its program with another server, and it stays there, the
// body of the result is the name of that.
type Register struct {
	ID, Node, Address string // of the node
	Datacenter        string
	TaggedAddresses   map[string]string
	Meta              map[string]string
	SkipNodeUpdate    bool // leave a node that exists as it is

	Service *api.Service // nil: none
	Checks  []*api.Check

	// KeepStatus leaves status and output of a check that exists as they are,
	// as an agent does when it is told of a check again. It marks a registration
	// through an agent endpoint.
	KeepStatus bool
	// ReplaceChecks removes the service's checks that Checks does not name.
	ReplaceChecks bool

	By By
}

// Deregister removes an instance, or a check, or else the whole node.
type Deregister struct {
	Node, ServiceID, CheckID string
	// MustExist makes the command fail with NotFound where there is nothing to
	// remove; otherwise that is fine.
	MustExist bool

	By By
}

// Liveness marks a server's node as failed or alive. When it fails, instances
// with an address of their own, and their checks, move to live servers within
// the same command, so that no reader sees them missing.
type Liveness struct {
	Node   string
	Alive  bool
	Output string

	By By
}

func (*Register) kind() byte   { return kindRegister }
func (*Deregister) kind() byte { return kindDeregister }
func (*Liveness) kind() byte   { return kindLiveness }

func (c *Register) appendTo(b []byte) []byte {
	b = putString(b, 1, c.ID)
	b = putString(b, 2, c.Node)
	b = putString(b, 3, c.Address)
	b = putString(b, 4, c.Datacenter)
	b = putStringMap(b, 5, c.TaggedAddresses)
	b = putStringMap(b, 6, c.Meta)
	b = putBool(b, 7, c.SkipNodeUpdate)
	if c.Service != nil {
		b = putMessage(b, 8, func(b []byte) []byte { return appendService(b, c.Service) })
	}
	for _, k := range c.Checks {
		b = putMessage(b, 9, func(b []byte) []byte { return appendCheck(b, k) })
	}
	b = putBool(b, 10, c.KeepStatus)
	b = putBool(b, 11, c.ReplaceChecks)
	return putBy(b, 12, &c.By)
}

func decodeRegister(b []byte) (Command, error) {
	c := &Register{}
	return c, fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			c.ID = f.str()
		case 2:
			c.Node = f.str()
		case 3:
			c.Address = f.str()
		case 4:
			c.Datacenter = f.str()
		case 5:
			c.TaggedAddresses, err = addStringEntry(c.TaggedAddresses, f)
		case 6:
			c.Meta, err = addStringEntry(c.Meta, f)
		case 7:
			c.SkipNodeUpdate = f.bool()
		case 8:
			c.Service, err = decodeService(f.bytes)
		case 9:
			var k *api.Check
			k, err = decodeCheck(f.bytes)
			c.Checks = append(c.Checks, k)
		case 10:
			c.KeepStatus = f.bool()
		case 11:
			c.ReplaceChecks = f.bool()
		case 12:
			err = decodeBy(f.bytes, &c.By)
		}
		return err
	})
}

func (c *Deregister) appendTo(b []byte) []byte {
	b = putString(b, 1, c.Node)
	b = putString(b, 2, c.ServiceID)
	b = putString(b, 3, c.CheckID)
	b = putBool(b, 4, c.MustExist)
	return putBy(b, 5, &c.By)
}

func decodeDeregister(b []byte) (Command, error) {
	c := &Deregister{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Node = f.str()
		case 2:
			c.ServiceID = f.str()
		case 3:
			c.CheckID = f.str()
		case 4:
			c.MustExist = f.bool()
		case 5:
			return decodeBy(f.bytes, &c.By)
		}
		return nil
	})
}

func (c *Liveness) appendTo(b []byte) []byte {
	b = putString(putBool(putString(b, 1, c.Node), 2, c.Alive), 3, c.Output)
	return putBy(b, 4, &c.By)
}

func decodeLiveness(b []byte) (Command, error) {
	c := &Liveness{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Node = f.str()
		case 2:
			c.Alive = f.bool()
		case 3:
			c.Output = f.str()
		case 4:
			return decodeBy(f.bytes, &c.By)
		}
		return nil
	})
}
