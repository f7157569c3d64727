package store

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// addOther takes a record of a bucket that is not the catalog's.
func (l *loader) addOther(bucket byte, key string, value []byte) error {
	s := l.state
	switch bucket {
	case bucketKV:
		return l.addPair(key, value)
	case bucketTombstones:
		return l.addGrave(key, value)
	case bucketSessions:
		v := &api.Session{}
		if err := decodeSession(value, v); err != nil {
			return err
		}
		s.sessions.add(v)
	case bucketLockDelays:
		until, err := decodeIndex(value)
		s.sessions.delays.set(key, int64(until))
		return err
	case bucketQueries:
		p := &api.PreparedQuery{}
		if err := decodeQuery(value, p); err != nil {
			return err
		}
		q, err := compileQuery(p)
		if err != nil {
			return fmt.Errorf("%w: prepared query %q: %w", errWire, p.ID, err)
		}
		s.queries.add(q)
	case bucketEvents:
		e := &api.UserEvent{}
		if len(key) != 8 || readEvent(value, e) != nil || e.LTime != binary.BigEndian.Uint64([]byte(key)) {
			return fmt.Errorf("%w: event", errWire)
		}
		s.events.list = append(s.events.list, e)
	case bucketCoordinates:
		e := &api.CoordinateEntry{}
		if err := decodeCoordinate(value, e); err != nil {
			return err
		}
		s.misc.coordinates, _, _ = s.misc.coordinates.Insert([]byte(key), e)
	case bucketRestore:
		c, err := decodeRestorePart(value)
		if err != nil {
			return err
		}
		p := c.(*RestorePart)
		if p.Seq != uint64(len(s.upload.parts)) {
			return fmt.Errorf("%w: part %d of a restore", errWire, p.Seq)
		}
		s.upload.add(p)
	case bucketHistory:
		return l.addPast(key, value)
	case bucketMisc:
		return l.addMisc(key, value)
	}
	return nil
}

func (l *loader) addPair(key string, value []byte) error {
	e := &kvEntry{}
	if err := decodePair(value, &e.pair); err != nil {
		return err
	}
	e.pair.Key = key
	if !e.live() {
		return fmt.Errorf("%w: key %q has no index", errWire, key)
	}
	l.keys.put(e)
	l.keys.live++
	if e.pair.Session != "" {
		l.d.next.sessions = l.state.sessions
		l.d.moveLock(nil, &e.pair)
		l.state.sessions = l.d.next.sessions
	}
	return nil
}

func (l *loader) addGrave(name string, value []byte) error {
	index, err := decodeIndex(value)
	if err != nil {
		return err
	}
	switch {
	case name == "" || name[0] != graveKey && name[0] != graveTree:
		return fmt.Errorf("%w: tombstone %q", errWire, name)
	case name[0] == graveTree:
		l.keys.mark(name[1:], index)
	default:
		if e, _, _ := l.keys.root.find(name[1:]); e != nil {
			return fmt.Errorf("%w: tombstone of the key %q, which exists", errWire, name[1:])
		}
		l.keys.put(&kvEntry{pair: api.KVPair{Key: name[1:], ModifyIndex: index}})
	}
	l.keys.graves, _, _ = l.keys.graves.Insert(graveOrder(index, name), struct{}{})
	return nil
}

func (l *loader) addMisc(key string, value []byte) error {
	m := &l.state.misc
	switch config, isConfig := strings.CutPrefix(key, miscConfig); {
	case isConfig:
		e := &ConfigEntry{}
		if err := decodeConfigEntry(value, e); err != nil {
			return err
		}
		m.config, _, _ = m.config.Insert([]byte(config), e)
		m.policies = m.policies.with(e)
	case strings.HasPrefix(key, miscFormer):
		f := &FormerServer{}
		m.former = append(m.former, f) // in order of key, which is that of the IDs
		return decodeFormer(value, f)
	case key == miscAutopilot:
		m.autopilot = &api.AutopilotConfig{}
		return decodeAutopilot(value, m.autopilot)
	case key == miscHistory:
		return decodeHistoryLimits(value, &l.state.history.limits)
	case key == miscCA:
		m.ca = &CA{}
		return decodeCA(value, m.ca)
	}
	return nil
}
