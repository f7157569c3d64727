package store

import (
	"math"
	"slices"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/registryd/registryd/pkg/api"
)

// Coordinates sets where nodes are in the network. Unknown nodes are skipped.
type Coordinates struct {
	Entries []api.CoordinateEntry
}

// Coordinates calls f for each coordinate in order of node and segment until
// it returns false. Answers about coordinates have the index and the watch of
// TableCoordinates.
func (s *State) Coordinates(f func(*api.CoordinateEntry) bool) {
	s.misc.coordinates.Root().Walk(func(_ []byte, e *api.CoordinateEntry) bool { return !f(e) })
}

// NodeCoordinates returns the coordinates of a node, one for each segment.
func (s *State) NodeCoordinates(node string) []*api.CoordinateEntry {
	return coordinatesOf(s.misc.coordinates, NodeKey(node))
}

func coordinatesOf(tree *iradix.Tree[*api.CoordinateEntry], key string) []*api.CoordinateEntry {
	var l []*api.CoordinateEntry
	tree.Root().WalkPrefix([]byte(key+"\x00"), func(_ []byte, e *api.CoordinateEntry) bool {
		l = append(l, e)
		return false
	})
	return l
}

// Distance returns the estimated round-trip time between two nodes in seconds,
// +Inf if the coordinates of one are not known.
func (s *State) Distance(a, b string) float64 {
	x, y := s.NodeCoordinates(a), s.NodeCoordinates(b)
	for _, p := range x {
		for _, q := range y {
			if p.Segment == q.Segment && len(p.Coord.Vec) == len(q.Coord.Vec) {
				return distance(p.Coord, q.Coord)
			}
		}
	}
	return math.Inf(1)
}

// distance is that of the Vivaldi model: the Euclidean one plus both heights,
// corrected by the adjustments unless that would make it negative.
func distance(a, b *api.Coordinate) float64 {
	var sum float64
	for i := range a.Vec {
		sum += (a.Vec[i] - b.Vec[i]) * (a.Vec[i] - b.Vec[i])
	}
	d := math.Sqrt(sum) + a.Height + b.Height
	if adjusted := d + a.Adjustment + b.Adjustment; adjusted > 0 {
		return adjusted
	}
	return d
}

func (*Coordinates) kind() byte { return kindCoordinates }

func (c *Coordinates) apply(d *draft) Result {
	for i := range c.Entries {
		e := c.Entries[i]
		n := d.node(NodeKey(e.Node))
		if n == nil || e.Coord == nil {
			continue
		}
		e.Node = n.node.Node
		key := n.key + "\x00" + e.Segment
		if old, ok := d.next.misc.coordinates.Get([]byte(key)); ok && sameCoordinate(old.Coord, e.Coord) {
			continue
		}
		d.next.misc.coordinates, _, _ = d.next.misc.coordinates.Insert([]byte(key), &e)
		d.touch(TableCoordinates)
		d.records.put(bucketCoordinates, key, &e)
	}
	return done
}

func sameCoordinate(a, b *api.Coordinate) bool {
	return a.Error == b.Error && a.Adjustment == b.Adjustment && a.Height == b.Height && slices.Equal(a.Vec, b.Vec)
}

// dropCoordinates forgets where a node was.
func (d *draft) dropCoordinates(node string) {
	for _, e := range coordinatesOf(d.next.misc.coordinates, node) {
		key := node + "\x00" + e.Segment
		d.next.misc.coordinates, _, _ = d.next.misc.coordinates.Delete([]byte(key))
		d.touch(TableCoordinates)
		d.records.remove(bucketCoordinates, key)
	}
}

func (c *Coordinates) appendTo(b []byte) []byte {
	for i := range c.Entries {
		b = putMessage(b, 1, func(b []byte) []byte { return appendCoordinate(b, &c.Entries[i]) })
	}
	return b
}

func decodeCoordinates(b []byte) (Command, error) {
	c := &Coordinates{}
	return c, fields(b, func(f field) error {
		if f.num != 1 {
			return nil
		}
		var e api.CoordinateEntry
		err := decodeCoordinate(f.bytes, &e)
		c.Entries = append(c.Entries, e)
		return err
	})
}

func putFloat(b []byte, n protowire.Number, v float64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), math.Float64bits(v))
}

func appendCoordinate(b []byte, e *api.CoordinateEntry) []byte {
	b = putString(b, 1, e.Node)
	b = putString(b, 2, e.Segment)
	if e.Coord == nil {
		return b
	}
	b = putFloat(b, 3, e.Coord.Error)
	b = putFloat(b, 4, e.Coord.Adjustment)
	b = putFloat(b, 5, e.Coord.Height)
	for _, v := range e.Coord.Vec {
		b = protowire.AppendFixed64(protowire.AppendTag(b, 6, protowire.Fixed64Type), math.Float64bits(v))
	}
	return b
}

func decodeCoordinate(b []byte, e *api.CoordinateEntry) error {
	c := &api.Coordinate{}
	e.Coord = c
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			e.Node = f.str()
		case 2:
			e.Segment = f.str()
		case 3:
			c.Error = math.Float64frombits(f.u)
		case 4:
			c.Adjustment = math.Float64frombits(f.u)
		case 5:
			c.Height = math.Float64frombits(f.u)
		case 6:
			c.Vec = append(c.Vec, math.Float64frombits(f.u))
		}
		return nil
	})
}
