package contract

import (
	"testing"
)

func mustDecode(t *testing.T, s string) any {
	t.Helper()
	x, err := decode([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestDiff(t *testing.T) {
	v := vars{"node": "n1", "id": "abc", "num": "7"}
	cases := []struct {
		name, want, got string
		c               comparer
		problems        int
	}{
		{"equal", `{"a":[1,"x",true,null]}`, `{"a":[1,"x",true,null]}`, comparer{}, 0},
		{"more keys in the answer", `{"a":1}`, `{"a":1,"b":2}`, comparer{}, 0},
		{"more keys where the place is exact", `{"a":1}`, `{"a":1,"b":2}`, comparer{exact: patterns{nil}}, 1},
		{"missing key", `{"a":1}`, `{}`, comparer{}, 1},
		{"other type", `{"a":1}`, `{"a":"1"}`, comparer{}, 1},
		{"null is not an empty list", `{"a":null}`, `{"a":[]}`, comparer{}, 1},
		{"big numbers", `18446744073709551615`, `18446744073709551614`, comparer{}, 1},
		{"same number written otherwise", `1.0`, `1`, comparer{}, 0},
		{"order counts", `[1,2]`, `[2,1]`, comparer{}, 2},
		{"order does not count", `[1,2]`, `[2,1]`, comparer{unordered: patterns{nil}}, 0},
		{"sets of different size", `[1,2]`, `[2,1,3]`, comparer{unordered: patterns{nil}}, 1},
		{"subset", `[1,2]`, `[2,3,1]`, comparer{contains: patterns{nil}}, 0},
		{"subset with one missing", `[1,4]`, `[2,3,1]`, comparer{contains: patterns{nil}}, 1},
		{"pairing needs a second try", `["${any:string}","x"]`, `["x","y"]`, comparer{unordered: patterns{nil}}, 0},
		{"wildcard in a place", `{"a":{"l":[1,2]}}`, `{"a":{"l":[2,1]}}`, comparer{unordered: patterns{{"*", "l"}}}, 0},
		{"any of a type", `"${any:object}"`, `{"x":1}`, comparer{}, 0},
		{"any of another type", `"${any:object}"`, `[]`, comparer{}, 1},
		{"index", `"${index}"`, `12`, comparer{}, 0},
		{"index of zero", `"${index}"`, `0`, comparer{}, 1},
		{"uuid", `"${uuid}"`, `"0f7f3c5e-9d3a-4f43-8a0c-7d5f6c1b2a01"`, comparer{}, 0},
		{"no uuid", `"${uuid}"`, `"x"`, comparer{}, 1},
		{"time", `"${time}"`, `"2024-01-02T03:04:05.678Z"`, comparer{}, 0},
		{"variable", `"${id}"`, `"abc"`, comparer{}, 0},
		{"variable inside", `"${node}.dc1"`, `"n1.dc1"`, comparer{}, 0},
		{"variable as key", `{"${node}":1}`, `{"n1":1}`, comparer{}, 0},
		{"number from a variable", `"${#num}"`, `7`, comparer{}, 0},
		{"literal dollar", `"$${x}"`, `"${x}"`, comparer{}, 0},
	}
	for _, tc := range cases {
		tc.c.vars = v
		got := tc.c.diff("", mustDecode(t, tc.want), mustDecode(t, tc.got))
		if len(got) != tc.problems {
			t.Errorf("%s: %d problems wanted, got %q", tc.name, tc.problems, got)
		}
	}
}

func TestExpand(t *testing.T) {
	v := vars{"a": "1", "long": "two"}
	for in, want := range map[string]string{
		"plain": "plain", "${a}": "1", "x${a}y${long}z": "x1ytwoz", "$${a}": "${a}", "$${a} ${a}": "${a} 1", "$x": "$x",
	} {
		if got, err := v.expand(in); err != nil || got != want {
			t.Errorf("%q became %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"${missing}", "${open"} {
		if _, err := v.expand(in); err == nil {
			t.Errorf("%q was expanded", in)
		}
	}
}

func TestBodies(t *testing.T) {
	for in, want := range map[string]string{
		`{"text":"hi ${a}"}`:                            "hi 1",
		`{"base64":"AAE="}`:                             "\x00\x01",
		`{"repeat":"ab","times":3}`:                     "ababab",
		`{"parts":[{"text":"<"},{"base64":"PQ=="}]}`:    "<=",
		`{"Text":"${a}","N":"${#a}"}`:                   `{"N":1,"Text":"1"}`,
		`[{"text":"as json"}]`:                          `[{"text":"as json"}]`,
		`null`:                                          `null`,
		`{"text":"two keys are no byte form","more":1}`: `{"more":1,"text":"two keys are no byte form"}`,
	} {
		got, err := bodyBytes([]byte(in), vars{"a": "1"})
		if err != nil || string(got) != want {
			t.Errorf("%s became %q, %v, want %q", in, got, err, want)
		}
	}
}
