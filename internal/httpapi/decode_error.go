package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// unreadable says in plain words why JSON could not be read into v, with the
// names of its fields and none of this program's types; field is the one that v
// is the value of, empty for the whole body.
func unreadable(err error, v any, field string) string {
	var misfit *json.UnmarshalTypeError
	if !errors.As(err, &misfit) {
		text := strings.TrimPrefix(err.Error(), "json: ")
		if field != "" {
			text = field + ": " + text
		}
		return text
	}
	what, t := fieldAt(reflect.TypeOf(v).Elem(), misfit.Field)
	if what == "" {
		what = cmp.Or(field, "the body")
	}
	if t != nil && indirect(t) != misfit.Type {
		what = "an entry of " + what
	}
	number, isNumber := strings.CutPrefix(misfit.Value, "number ")
	if isNumber && !strings.ContainsAny(number, ".eE") {
		return what + " cannot be " + number
	}
	found := map[string]string{"array": "a list", "object": "an object", "string": "text", "bool": "true or false", "number": "a number"}[misfit.Value]
	if found == "" {
		found = number
	}
	return what + " must be " + kindName(misfit.Type) + ", not " + found
}

// fieldAt follows the path of an error of encoding/json through a type. It
// returns the path as a client knows it, without the names of embedded structs,
// and the type it leads to, nil if that is not known.
func fieldAt(t reflect.Type, path string) (string, reflect.Type) {
	if path == "" {
		return "", t
	}
	var names []string
	for _, name := range strings.Split(path, ".") {
		f, ok := fieldNamed(t, name)
		if !ok || !f.Anonymous {
			names = append(names, name)
		}
		t = f.Type // nil from here on if there is no such field
	}
	return strings.Join(names, "."), t
}

// fieldNamed returns the field of a struct, or of what a pointer, list or map
// leads to, that JSON has under a name.
func fieldNamed(t reflect.Type, name string) (f reflect.StructField, ok bool) {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map) {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return f, false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name || tag == "" && f.Name == name {
			return f, true
		}
	}
	return f, false
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// kindName is what a client has to send for a type.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "text in base64"
		}
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	}
	return "a whole number"
}
