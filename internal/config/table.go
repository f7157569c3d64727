package config

import (
	"reflect"
	"strings"
	"sync"
)

// entry is a key that has a field in Config.
type entry struct {
	path  string // dotted, such as "ports.http"
	index []int  // of the field, for reflect
	live  bool   // a reload takes it anew
}

// of returns a pointer to the key's field in c.
func (e entry) of(c *Config) any {
	return reflect.ValueOf(c).Elem().FieldByIndex(e.index).Addr().Interface()
}

// keyTable is what the `key` tags of Config say.
type keyTable struct {
	entries []entry // in the order of the fields
	byPath  map[string]entry
	groups  map[string]bool // every path that has keys below it
}

// table returns the one table. It is read-only.
var table = sync.OnceValue(func() *keyTable {
	t := &keyTable{byPath: map[string]entry{}, groups: map[string]bool{}}
	t.add(reflect.TypeFor[Config](), "", nil, false)
	for _, e := range t.entries {
		t.byPath[e.path] = e
		for p := parent(e.path); p != ""; p = parent(p) {
			t.groups[p] = true
		}
	}
	return t
})

func (t *keyTable) add(s reflect.Type, prefix string, index []int, live bool) {
	for i := range s.NumField() {
		f := s.Field(i)
		tag, ok := f.Tag.Lookup("key")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		at := append(append([]int(nil), index...), i)
		live := live || option == "live"
		switch {
		case f.Type.Kind() != reflect.Struct:
			t.entries = append(t.entries, entry{prefix + name, at, live})
		case option == "inline":
			t.add(f.Type, prefix, at, live)
		default:
			t.add(f.Type, prefix+name+".", at, live)
		}
	}
}

// parent returns the path without its last part, "" at the top.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '.'), 0)]
}
