package store

import (
	"encoding/binary"

	"github.com/registryd/registryd/pkg/api"
)

// records calls f for each record of the state, bucket by bucket in the order
// of their numbers, until it returns an error. Together with what appendMeta
// writes they are the whole state.
func (s *State) records(f func(bucket byte, key string, v any) error) error {
	r := &recorder{use: f}
	s.catalogRecords(r)
	s.ghostRecords(r)
	s.keyRecords(r)
	s.Sessions(func(v *api.Session) bool { return r.put(bucketSessions, v.ID, v) })
	s.sessions.delays.byKey.Root().Walk(func(k []byte, until int64) bool {
		return !r.put(bucketLockDelays, string(k), uint64(until))
	})
	s.Queries(func(q *api.PreparedQuery) bool { return r.put(bucketQueries, q.ID, q) })
	for _, e := range s.events.list {
		r.put(bucketEvents, eventKey(e), e)
	}
	s.misc.coordinates.Root().Walk(func(k []byte, e *api.CoordinateEntry) bool { return !r.put(bucketCoordinates, string(k), e) })
	s.miscRecords(r)
	s.nodes.Root().Walk(func(k []byte, v *NodeView) bool { return !r.put(bucketNodeGhosts, string(k), nodeFloors(v)) })
	for _, p := range s.upload.parts {
		r.put(bucketRestore, p.key(), p)
	}
	s.historyRecords(r)
	return r.err
}

// recorder hands records on until one is refused.
type recorder struct {
	use func(bucket byte, key string, v any) error
	err error
}

// put reports whether to go on.
func (r *recorder) put(bucket byte, key string, v any) bool {
	if r.err == nil {
		r.err = r.use(bucket, key, v)
	}
	return r.err == nil
}

func (s *State) catalogRecords(r *recorder) {
	s.nodes.Root().Walk(func(k []byte, v *NodeView) bool { return !r.put(bucketNodes, string(k), v.Node) })
	s.nodes.Root().Walk(func(k []byte, v *NodeView) bool {
		for _, i := range v.Instances {
			r.put(bucketServices, string(k)+"\x00"+i.Service.ID, i.Service)
		}
		return r.err != nil
	})
	s.nodes.Root().Walk(func(k []byte, v *NodeView) bool {
		for _, c := range v.Checks {
			r.put(bucketChecks, string(k)+"\x00"+c.CheckID, c)
		}
		return r.err != nil
	})
}

// ghostRecords gives the indexes of the service names that have instances, too:
// a removal may have moved them beyond what the instances show.
func (s *State) ghostRecords(r *recorder) {
	s.services.Root().Walk(func(k []byte, v *ServiceView) bool {
		return !r.put(bucketGhosts, string(k), floors{v.HealthIndex, v.CatalogIndex})
	})
}

func nodeFloors(v *NodeView) floors { return floors{v.ChecksIndex, v.CatalogIndex} }

func (s *State) keyRecords(r *recorder) {
	s.Pairs("", func(p *api.KVPair) bool { return r.put(bucketKV, p.Key, p) })
	s.kv.graves.Root().Walk(func(k []byte, _ struct{}) bool {
		return !r.put(bucketTombstones, string(k[8:]), binary.BigEndian.Uint64(k))
	})
}

func (s *State) miscRecords(r *recorder) {
	if s.misc.autopilot != nil {
		r.put(bucketMisc, miscAutopilot, s.misc.autopilot)
	}
	if s.history.limits != (HistoryLimits{}) {
		r.put(bucketMisc, miscHistory, s.history.limits)
	}
	if s.misc.ca != nil {
		r.put(bucketMisc, miscCA, s.misc.ca)
	}
	s.misc.config.Root().Walk(func(k []byte, e *ConfigEntry) bool { return !r.put(bucketMisc, miscConfig+string(k), e) })
	for _, f := range s.misc.former {
		r.put(bucketMisc, miscFormer+f.ID, f)
	}
}
