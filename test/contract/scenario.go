package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// Scenario is one file: an ordered story of requests. A recording is the same
// file with a "response" on every compared step, so a recording can be
// recorded again.
type Scenario struct {
	Name    string  `json:"name"`
	Why     string  `json:"why,omitempty"`
	Steps   []*Step `json:"steps"`
	Cleanup []*Step `json:"cleanup,omitempty"` // always run, never compared

	file string // path relative to the input directory
}

// Step is one request, or the collection of a request started earlier, or
// (with neither path nor await) only a pause of delay_ms.
type Step struct {
	Name       string            `json:"name"`
	Note       string            `json:"note,omitempty"`
	Await      string            `json:"await,omitempty"`
	Method     string            `json:"method,omitempty"`
	Path       string            `json:"path,omitempty"`
	Query      json.RawMessage   `json:"query,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"`
	DelayMS    int               `json:"delay_ms,omitempty"`
	Background bool              `json:"background,omitempty"`
	Capture    map[string]string `json:"capture,omitempty"`
	Until      *Until            `json:"until,omitempty"`
	Ignore     []string          `json:"ignore,omitempty"`
	Unordered  []string          `json:"unordered,omitempty"`
	Contains   []string          `json:"contains,omitempty"`
	Statuses   []int             `json:"statuses,omitempty"` // any of these will do
	Exact      []string          `json:"exact,omitempty"`
	BodyFree   *bool             `json:"body_free,omitempty"` // false keeps the text of an error
	NoHeaders  []string          `json:"no_headers,omitempty"`
	Assert     []Assertion       `json:"assert,omitempty"`
	Response   *Response         `json:"response,omitempty"`
}

// Until repeats a request until a place in the answer has a value, or until
// the answer has a status.
type Until struct {
	Pointer   string          `json:"pointer,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	Status    int             `json:"status,omitempty"`
	TimeoutMS int             `json:"timeout_ms"`
}

// Assertion is [left, operator, right].
type Assertion [3]any

// Response is what was recorded. At most one of Body, Text and Bytes is set.
type Response struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
	Text    string            `json:"text,omitempty"`
	Bytes   string            `json:"bytes,omitempty"`
}

func (s *Step) isPause() bool { return s.Path == "" && s.Await == "" }

func (s *Step) bodyFree() bool { return s.BodyFree != nil && *s.BodyFree }

// loadDir reads every scenario file below dir whose relative path matches run
// (and does not match skip). Names starting with "server" are configuration.
func loadDir(dir string, run, skip *regexp.Regexp) ([]*Scenario, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, ".json") || strings.HasPrefix(d.Name(), "server") {
			return nil
		}
		files = append(files, path)
		return nil
	})
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var out []*Scenario
	for _, f := range files {
		rel, err := filepath.Rel(dir, f)
		if err != nil {
			return nil, err
		}
		rel = filepath.ToSlash(rel)
		if run != nil && !run.MatchString(rel) || skip != nil && skip.MatchString(rel) {
			continue
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		sc := &Scenario{file: rel}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		dec.UseNumber()
		if err := dec.Decode(sc); err != nil {
			return nil, fmt.Errorf("%s: %w", rel, err)
		}
		if err := sc.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", rel, err)
		}
		out = append(out, sc)
	}
	return out, nil
}

func (sc *Scenario) check() error {
	seen := map[string]bool{}
	started := map[string]bool{}
	for _, st := range sc.Steps {
		if st.Name == "" {
			return fmt.Errorf("a step has no name")
		}
		if seen[st.Name] {
			return fmt.Errorf("two steps are named %q", st.Name)
		}
		seen[st.Name] = true
		if st.Background {
			started[st.Name] = true
		}
		if st.Await != "" && !started[st.Await] {
			return fmt.Errorf("step %q awaits %q, which no earlier step started", st.Name, st.Await)
		}
	}
	return nil
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// decode reads exactly one JSON value and keeps numbers as written.
func decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}
