package store

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// TemplatePrefix is the one type of query template: it answers all names that
// begin with the query's own.
const TemplatePrefix = "name_prefix_match"

// CheckQuery says why a query definition cannot be used, nil if it can. What
// depends on other queries or on sessions is seen when it is stored.
func CheckQuery(q *api.PreparedQuery) error {
	c, err := compileQuery(q)
	if err != nil || q.Template.Type == "" {
		return err
	}
	_, err = c.render("probe")
	return err
}

// compileQuery prepares a query for use.
func compileQuery(q *api.PreparedQuery) (*query, error) {
	c := &query{PreparedQuery: q}
	switch q.Template.Type {
	case "":
		return c, nil
	case TemplatePrefix:
	default:
		return nil, api.E(api.Refused, "bad Template.Type '"+q.Template.Type+"'")
	}
	if q.Template.Regexp != "" {
		p, err := regexp.Compile(q.Template.Regexp)
		if err != nil {
			return nil, api.Wrap(api.Refused, "bad Template.Regexp", err)
		}
		c.pattern = p
	}
	return c, nil
}

// fill returns the query with the variables of its template replaced for a
// name. Variables were checked when the query was stored.
func (q *query) fill(name string) *api.PreparedQuery {
	r, err := q.render(name)
	if err != nil {
		return q.PreparedQuery
	}
	return r
}

func (q *query) render(name string) (*api.PreparedQuery, error) {
	v := queryVars{full: name, prefix: q.Name}
	if len(name) >= len(q.Name) && equalFold(name[:len(q.Name)], q.Name) {
		v.suffix = name[len(q.Name):]
	}
	if q.pattern != nil {
		v.groups = q.pattern.FindStringSubmatch(name)
	}
	r := *q.PreparedQuery
	s := &r.Service
	for _, text := range []*string{&s.Service, &s.Near, &s.Peer, &s.SamenessGroup} {
		v.expand(text)
	}
	v.list(&s.Failover.Datacenters)
	v.list(&s.IgnoreCheckIDs)
	v.list(&s.Tags)
	v.table(&s.NodeMeta)
	v.table(&s.ServiceMeta)
	targets := slices.Clone(s.Failover.Targets)
	for i := range targets {
		v.expand(&targets[i].Peer)
		v.expand(&targets[i].Datacenter)
	}
	s.Failover.Targets = targets
	if r.Template.RemoveEmptyTags {
		kept := make([]string, 0, len(s.Tags))
		for _, t := range s.Tags {
			if strings.TrimSpace(t) != "" {
				kept = append(kept, t)
			}
		}
		s.Tags = kept
	}
	return &r, v.err
}

// queryVars are the values of a template's variables. The first error of an
// expansion is kept.
type queryVars struct {
	full, prefix, suffix string
	groups               []string
	err                  error
}

func (v *queryVars) list(l *[]string) {
	out := slices.Clone(*l)
	for i := range out {
		v.expand(&out[i])
	}
	*l = out
}

func (v *queryVars) table(m *map[string]string) {
	if *m == nil {
		return
	}
	out := make(map[string]string, len(*m))
	for _, k := range sortedKeys(*m) {
		key, value := k, (*m)[k]
		v.expand(&key)
		v.expand(&value)
		out[key] = value
	}
	*m = out
}

// expand replaces each ${…} in the text; "$${" stands for "${".
func (v *queryVars) expand(text *string) {
	rest := *text
	if !strings.Contains(rest, "${") {
		return
	}
	var b strings.Builder
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		b.WriteString(rest[:i])
		name, after, closed := strings.Cut(rest[i+2:], "}")
		if !closed {
			v.fail(fmt.Sprintf("bad format '%s': a variable is not closed", *text))
			return
		}
		b.WriteString(v.value(strings.TrimSpace(name)))
		rest = after
	}
	*text = b.String()
}

func (v *queryVars) value(name string) string {
	switch name {
	case "name.full":
		return v.full
	case "name.prefix":
		return v.prefix
	case "name.suffix":
		return v.suffix
	case "agent.segment":
		return ""
	}
	arg, isMatch := strings.CutPrefix(name, "match(")
	if n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(arg, ")"))); isMatch && strings.HasSuffix(arg, ")") && err == nil && n >= 0 {
		if n < len(v.groups) {
			return v.groups[n]
		}
		return ""
	}
	v.fail("unknown variable '" + name + "': there are name.full, name.prefix, name.suffix, match(n) and agent.segment")
	return ""
}

func (v *queryVars) fail(msg string) {
	if v.err == nil {
		v.err = api.E(api.Refused, msg)
	}
}
