package store

import (
	"bytes"

	"github.com/registryd/registryd/pkg/api"
)

// ConfigEntry is a configuration entry: its body is JSON, which only the HTTP
// door understands.
type ConfigEntry struct {
	Kind, Name  string
	Body        []byte // a JSON object without the indexes
	CreateIndex uint64
	ModifyIndex uint64
}

// SetConfigEntry stores a configuration entry, or deletes it. With CAS that
// happens only if Entry.ModifyIndex is the present one (0: there is none);
// otherwise the Result is not OK.
type SetConfigEntry struct {
	Delete bool
	CAS    bool
	Entry  ConfigEntry
}

// ConfigEntry returns an entry, nil if there is none. Answers about entries
// have the index and the watch of TableConfig.
func (s *State) ConfigEntry(kind, name string) *ConfigEntry {
	e, _ := s.misc.config.Get([]byte(configKey(kind, name)))
	return e
}

// ConfigEntries calls f for each entry of the kind in order of name (of all
// kinds if it is empty) until it returns false.
func (s *State) ConfigEntries(kind string, f func(*ConfigEntry) bool) {
	prefix := ""
	if kind != "" {
		prefix = configKey(kind, "")
	}
	s.misc.config.Root().WalkPrefix([]byte(prefix), func(_ []byte, e *ConfigEntry) bool { return !f(e) })
}

func configKey(kind, name string) string { return kind + "\x00" + name }

func (*SetConfigEntry) kind() byte { return kindConfigEntry }

func (c *SetConfigEntry) apply(d *draft) Result {
	e := c.Entry
	key := configKey(e.Kind, e.Name)
	old, exists := d.next.misc.config.Get([]byte(key))
	var have uint64
	if exists {
		have = old.ModifyIndex
	}
	switch {
	case c.CAS && have != e.ModifyIndex:
		return Result{}
	case c.Delete && !exists, !c.Delete && exists && bytes.Equal(old.Body, e.Body):
		return done
	case c.Delete:
		d.next.misc.config, _, _ = d.next.misc.config.Delete([]byte(key))
		d.next.misc.policies = d.next.misc.policies.without(old)
		d.records.remove(bucketMisc, miscConfig+key)
	default:
		e.CreateIndex, e.ModifyIndex = d.index, d.index
		if exists {
			e.CreateIndex = old.CreateIndex
		}
		d.next.misc.config, _, _ = d.next.misc.config.Insert([]byte(key), &e)
		d.next.misc.policies = d.next.misc.policies.with(&e)
		d.records.put(bucketMisc, miscConfig+key, &e)
	}
	d.touch(TableConfig)
	if e.Kind == api.CheckPolicyKind {
		d.policiesChanged()
	}
	return done
}

func (c *SetConfigEntry) appendTo(b []byte) []byte {
	b = putBool(putBool(b, 1, c.Delete), 2, c.CAS)
	return putMessage(b, 3, func(b []byte) []byte { return appendConfigEntry(b, &c.Entry) })
}

func decodeSetConfigEntry(b []byte) (Command, error) {
	c := &SetConfigEntry{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Delete = f.bool()
		case 2:
			c.CAS = f.bool()
		case 3:
			return decodeConfigEntry(f.bytes, &c.Entry)
		}
		return nil
	})
}

func appendConfigEntry(b []byte, e *ConfigEntry) []byte {
	b = putString(b, 1, e.Kind)
	b = putString(b, 2, e.Name)
	b = putBytes(b, 3, e.Body)
	b = putUint(b, 4, e.CreateIndex)
	return putUint(b, 5, e.ModifyIndex)
}

func decodeConfigEntry(b []byte, e *ConfigEntry) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			e.Kind = f.str()
		case 2:
			e.Name = f.str()
		case 3:
			e.Body = append([]byte(nil), f.bytes...)
		case 4:
			e.CreateIndex = f.u
		case 5:
			e.ModifyIndex = f.u
		}
		return nil
	})
}
