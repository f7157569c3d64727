package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// The servers place themselves in a network coordinate space with the Vivaldi
// algorithm (Dabek et al., SIGCOMM 2004): each measures the time a small
// request to another server takes and moves its own coordinate so that
// distances come closer to the times measured.

// coordinateSize is how many numbers a coordinate's vector has; Consul's value.
const coordinateSize = 8

// Constants of the algorithm, as Serf has them. Times are in seconds.
const (
	vivaldiError   = 1.5  // of a coordinate that knows nothing, and the greatest
	vivaldiTuning  = 0.25 // how much one measurement counts
	vivaldiHeight  = 10e-6
	vivaldiTooFar  = 10.0 // longer times are no measurements
	coordinatePace = 5 * time.Second
)

// SetCoordinate stores where a node is. An unknown node is fine.
func (r *Registry) SetCoordinate(ctx context.Context, e *api.CoordinateEntry) error {
	c := e.Coord
	if c == nil || len(c.Vec) != coordinateSize {
		return api.E(api.Refused, fmt.Sprintf("incompatible coordinate: the vector must have %d numbers", coordinateSize))
	}
	for _, f := range append([]float64{c.Error, c.Height, c.Adjustment}, c.Vec...) {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return api.E(api.Refused, "invalid coordinate: a number is not finite")
		}
	}
	_, err := r.propose(ctx, &store.Coordinates{Entries: []api.CoordinateEntry{*e}})
	return err
}

// Coordinate returns this server's coordinate.
func (r *Registry) Coordinate() api.Coordinate { return r.place.get() }

// place is this server's coordinate. Safe for concurrent use.
type place struct {
	mu sync.Mutex
	c  api.Coordinate
}

func newPlace() *place {
	return &place{c: api.Coordinate{Vec: make([]float64, coordinateSize), Error: vivaldiError, Height: vivaldiHeight}}
}

func (p *place) get() api.Coordinate {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.c
	c.Vec = append([]float64(nil), c.Vec...)
	return c
}

// measured moves the coordinate after a request to a server at other took rtt.
func (p *place) measured(other *api.Coordinate, rtt time.Duration) {
	t := max(rtt.Seconds(), 1e-6)
	if len(other.Vec) != coordinateSize || t > vivaldiTooFar {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	unit, apart := direction(p.c.Vec, other.Vec)
	dist := apart + p.c.Height + other.Height
	weight := p.c.Error / max(p.c.Error+other.Error, 1e-9)
	p.c.Error = min(p.c.Error*(1-vivaldiTuning*weight)+math.Abs(dist-t)/t*vivaldiTuning*weight, vivaldiError)
	force := vivaldiTuning * weight * (t - dist)
	for i := range p.c.Vec {
		p.c.Vec[i] += unit[i] * force
	}
	if apart > 1e-6 {
		p.c.Height = max((p.c.Height+other.Height)*force/apart+p.c.Height, vivaldiHeight)
	}
}

// direction returns the unit vector from b to a and their distance. Where they
// are at one place any direction will do.
func direction(a, b []float64) ([]float64, float64) {
	v := make([]float64, len(a))
	length := func() float64 {
		var sum float64
		for _, x := range v {
			sum += x * x
		}
		return math.Sqrt(sum)
	}
	for i := range v {
		v[i] = a[i] - b[i]
	}
	apart := length()
	l := apart
	for l < 1e-6 {
		for i := range v {
			v[i] = rand.Float64() - 0.5
		}
		l, apart = length(), 0
	}
	for i := range v {
		v[i] /= l
	}
	return v, apart
}

// coordinateKind is the internal request that asks a server for its coordinate;
// how long it takes is the measurement.
const coordinateKind = "coordinate"

func (r *Registry) handleCoordinate(context.Context, []byte) ([]byte, error) {
	return json.Marshal(r.place.get())
}

// keepPlaced measures and publishes this server's coordinate until ctx ends.
// What hardly moved is not published: an idle cluster writes nothing.
func (r *Registry) keepPlaced(ctx context.Context) {
	tick := time.NewTicker(coordinatePace)
	defer tick.Stop()
	for {
		r.measure(ctx)
		r.publishPlace(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// measure asks one of the other servers.
func (r *Registry) measure(ctx context.Context) {
	var others []*store.NodeView
	for _, v := range r.State().ServerNodes() {
		if v.Node.ID != r.cfg.ID && v.Alive() {
			others = append(others, v)
		}
	}
	if len(others) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, coordinatePace)
	defer cancel()
	start := time.Now()
	b, err := r.cons.Call(ctx, others[rand.IntN(len(others))].Node.ID, coordinateKind, nil)
	rtt := time.Since(start)
	var c api.Coordinate
	if err == nil && json.Unmarshal(b, &c) == nil {
		r.place.measured(&c, rtt)
	}
}

// publishPlace stores the coordinate if the stored one is missing or off by
// more than a tenth of a millisecond and of its own size.
func (r *Registry) publishPlace(ctx context.Context) {
	st := r.State()
	if v, _ := st.Node(r.cfg.Name); v == nil {
		return
	}
	c := r.place.get()
	for _, e := range st.NodeCoordinates(r.cfg.Name) {
		_, apart := direction(c.Vec, e.Coord.Vec)
		_, size := direction(c.Vec, make([]float64, coordinateSize))
		if e.Segment == "" && apart+math.Abs(c.Height-e.Coord.Height) <= max(1e-4, size/10) {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, coordinatePace)
	defer cancel()
	if err := r.SetCoordinate(ctx, &api.CoordinateEntry{Node: r.cfg.Name, Coord: &c}); err != nil && ctx.Err() == nil {
		r.log.Warn("cannot store this server's coordinate", "error", err)
	}
}
