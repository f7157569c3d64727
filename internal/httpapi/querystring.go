package httpapi

import (
	"net/url"
	"slices"
	"strings"
)

// params are the parameters of a query string, in order. A request has few,
// and most are looked for by name a few times, so a list beats a map: it needs
// no allocation as long as there are at most eight.
type params struct {
	list  []param
	array [8]param
}

type param struct{ key, value string }

// parse reads a query string; the error is that of url.ParseQuery.
func (p *params) parse(raw string) error {
	p.list = p.array[:0]
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if strings.ContainsAny(pair, "%+;") {
			return p.parseAll(pair, raw)
		}
		k, v, _ := strings.Cut(pair, "=")
		p.list = append(p.list, param{k, v})
	}
	return nil
}

// parseAll reads a pair with escapes in it, and the rest.
func (p *params) parseAll(pair, rest string) error {
	if strings.Contains(pair, ";") {
		_, err := url.ParseQuery(pair)
		return err
	}
	k, v, _ := strings.Cut(pair, "=")
	k, err := url.QueryUnescape(k)
	if err != nil {
		return err
	}
	if v, err = url.QueryUnescape(v); err != nil {
		return err
	}
	before := slices.Clone(p.list) // the rest is read into the same array
	if err := p.parse(rest); err != nil {
		return err
	}
	p.list = append(append(before, param{k, v}), p.list...)
	return nil
}

// has reports whether a parameter is there, whatever its value.
func (p *params) has(name string) bool {
	for i := range p.list {
		if p.list[i].key == name {
			return true
		}
	}
	return false
}

// get returns the first value of a parameter, empty if there is none.
func (p *params) get(name string) string {
	for i := range p.list {
		if p.list[i].key == name {
			return p.list[i].value
		}
	}
	return ""
}

// all returns the values of a parameter that may be repeated.
func (p *params) all(name string) (values []string) {
	for _, q := range p.list {
		if q.key == name {
			values = append(values, q.value)
		}
	}
	return values
}
