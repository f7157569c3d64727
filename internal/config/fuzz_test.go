package config

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// FuzzParse looks for text that makes the parsers panic or gives an error that
// is not one line naming the file.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/every_key.hcl", "testdata/old_spellings.json", "testdata/testkit.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		"", "{", "[", "a", "a = <<X\nX", "a = <<-X\n  b\n  X\n", `a = "${b("c")}"`, "a \"b\" \"c\" {}", "a = 0x", "a = 09", "a = 1e999",
		"Kind = \"check-policy\"\nName = \"*\"\nDamping { Changes = 0x5 }\nDamping { Hold = \"1m\" }", `{"kind":"k","name":"n","a":[null,1.50,{"b":{}}]}`,
		`{"service": {"name": "a", "check": null}}`, `{"ports": [{"http": 1}, {"http": null}]}`, "\ufeff{}", "a = \"\\u12\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{"hcl", "json"} {
			v, err := parse("file", format, data)
			if err == nil {
				err = newLoader(Default()).apply(v)
			}
			if err == nil {
				continue
			}
			if s := err.Error(); !strings.HasPrefix(s, "file") || strings.Contains(s, "\n") {
				t.Errorf("%s: not one line that names the file: %q", format, s)
			}
		}
		e, err := ParseEntry("file", data)
		if err != nil {
			if s := err.Error(); !strings.HasPrefix(s, "file") || strings.Contains(s, "\n") {
				t.Errorf("entry: not one line that names the file: %q", s)
			}
			return
		}
		if b, err := json.Marshal(e); err != nil {
			t.Errorf("entry that cannot be sent: %s: %s", b, err)
		}
	})
}
