package contract

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// anyValue in place of a recorded header says that any value will do.
const anyValue = "*"

// compare holds an answer against the recorded response.
func compare(o *outcome) []string {
	st, a, want := o.step, o.answer, o.step.Response
	if want == nil {
		return []string{"the file holds no response for this step"}
	}
	var out []string
	if a.status != want.Status && !slices.Contains(st.Statuses, a.status) {
		out = append(out, fmt.Sprintf("status: want %d, got %d", want.Status, a.status))
	}
	for _, name := range sortedKeys(want.Headers) {
		value, got := want.Headers[name], a.header.Get(name)
		switch {
		case got == "":
			out = append(out, "missing header "+name)
		case value != anyValue && !sameHeader(value, got):
			out = append(out, fmt.Sprintf("header %s: want %q, got %q", name, value, got))
		}
	}
	if st.bodyFree() {
		return out
	}
	unordered, err := o.before.patterns(st.Unordered)
	if err != nil {
		return append(out, err.Error())
	}
	contains, err := o.before.patterns(st.Contains)
	if err != nil {
		return append(out, err.Error())
	}
	exact, err := o.before.patterns(st.Exact)
	if err != nil {
		return append(out, err.Error())
	}
	c := &comparer{vars: o.before, unordered: unordered, contains: contains, exact: exact}
	switch {
	case want.Body != nil:
		body, err := decode(want.Body)
		if err != nil {
			return append(out, err.Error())
		}
		if !a.isJSON {
			return append(out, fmt.Sprintf("body: want %s, got text %s", short(body), short(string(a.raw))))
		}
		out = append(out, c.diff("", body, a.json)...)
	case want.Bytes != "":
		if got := base64.StdEncoding.EncodeToString(a.raw); got != want.Bytes {
			out = append(out, fmt.Sprintf("body: want bytes %s, got %s", short(want.Bytes), short(got)))
		}
	default:
		if text, err := o.before.expand(want.Text); err != nil {
			out = append(out, err.Error())
		} else if text != string(a.raw) {
			out = append(out, fmt.Sprintf("body: want text %s, got %s", short(text), short(string(a.raw))))
		}
	}
	return out
}

// sameHeader compares without regard to case and to spaces after a comma or
// semicolon.
func sameHeader(a, b string) bool {
	clean := strings.NewReplacer("; ", ";", ", ", ",")
	return strings.EqualFold(clean.Replace(a), clean.Replace(b))
}

// compareNumbers compares to the last digit.
func compareNumbers(l, r string) (int, error) {
	x, ok1 := new(big.Rat).SetString(l)
	y, ok2 := new(big.Rat).SetString(r)
	if !ok1 || !ok2 {
		return 0, fmt.Errorf("%s and %s are not both numbers", short(l), short(r))
	}
	return x.Cmp(y), nil
}
