package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// row is one request and what it must answer. Rows are asked of one door, in
// their order.
type row struct {
	method, target, body string
	status               int
	answer               string // the whole body but its last newline; … stands for anything
}

// fits reports whether an answer is the row's.
func (r row) fits(have string) bool {
	parts := strings.Split(r.answer, "…")
	if len(parts) == 1 {
		return have == r.answer
	}
	rest, ok := strings.CutPrefix(have, parts[0])
	for _, p := range parts[1 : len(parts)-1] {
		var found bool
		_, rest, found = strings.Cut(rest, p)
		ok = ok && found
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// rows asks, and requires that what was refused has changed nothing.
func (d *testDoor) rows(t *testing.T, rows []row) {
	t.Helper()
	for i, r := range rows {
		before := d.tables()
		w := d.do(r.method, r.target, r.body)
		name := strings.TrimSpace(r.method + " " + r.target + " " + r.body[:min(len(r.body), 60)])
		require.Equal(t, r.status, w.Code, "%d: %s: %s", i, name, w.Body)
		have := strings.TrimSuffix(w.Body.String(), "\n")
		if !r.fits(have) {
			t.Fatalf("%d: %s: answered\n%s\nand not\n%s", i, name, have, r.answer)
		}
		if r.status >= 400 {
			require.Equal(t, before, d.tables(), "%d: %s changed something", i, name)
		}
	}
}

// tables are the indexes of what requests change.
func (d *testDoor) tables() (list []uint64) {
	st := d.reg.State()
	for id := store.TableNodes; id <= store.TableConfig; id++ {
		list = append(list, st.Table(id).Index)
	}
	return list
}

// home puts the server's own node into the catalog, as sessions need it.
func (d *testDoor) home() {
	d.t.Helper()
	d.register("s1", nil, &api.Service{ID: "web-1", Service: "web"},
		&api.Check{Node: "s1", CheckID: api.SerfHealth, Name: "alive", Status: api.Passing},
		&api.Check{Node: "s1", CheckID: "bad", Name: "bad", Status: api.Critical},
		&api.Check{Node: "s1", CheckID: "web-ok", Name: "ok", Status: api.Passing, ServiceID: "web-1"})
}

// create makes something and returns its ID.
func (d *testDoor) create(method, target, body string) string {
	d.t.Helper()
	w := d.do(method, target, body)
	require.Equal(d.t, 200, w.Code, w.Body)
	id := strings.TrimSuffix(strings.TrimPrefix(w.Body.String(), `{"ID":"`), `"}`)
	require.Len(d.t, id, 36, w.Body)
	return id
}
