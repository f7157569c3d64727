package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

func (r *runner) request(st *Step, v vars) (*http.Request, error) {
	path, err := v.expand(st.Path)
	if err != nil {
		return nil, err
	}
	base := r.base
	if strings.HasPrefix(path, targetScheme) {
		base, path = r.target, strings.TrimPrefix(path, targetScheme)
	}
	query, err := queryString(st.Query, v)
	if err != nil {
		return nil, err
	}
	if query != "" {
		path += "?" + query
	}
	var body io.Reader
	if len(st.Body) > 0 {
		raw, err := bodyBytes(st.Body, v)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	method := st.Method
	if method == "" {
		method = "GET"
	}
	req, err := http.NewRequest(method, base+path, body)
	if err != nil {
		return nil, err
	}
	for name, value := range st.Headers {
		if value, err = v.expand(value); err != nil {
			return nil, err
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

// queryString takes a string as written, or an object whose values are
// strings, arrays of strings, or null for a bare name.
func queryString(raw json.RawMessage, v vars) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	x, err := decode(raw)
	if err != nil {
		return "", err
	}
	if x, err = v.expandJSON(x); err != nil {
		return "", err
	}
	switch q := x.(type) {
	case string:
		return q, nil
	case map[string]any:
		var parts []string
		add := func(k string, val any) {
			if val == nil {
				parts = append(parts, url.QueryEscape(k))
			} else {
				parts = append(parts, url.QueryEscape(k)+"="+url.QueryEscape(fmt.Sprint(val)))
			}
		}
		for _, k := range sortedKeys(q) {
			if list, ok := q[k].([]any); ok {
				for _, e := range list {
					add(k, e)
				}
				continue
			}
			add(k, q[k])
		}
		return strings.Join(parts, "&"), nil
	}
	return "", fmt.Errorf("query is neither a string nor an object")
}

// bodyBytes sends {"text":...}, {"base64":...}, {"repeat":...,"times":...} and
// {"parts":[...]} of these as bytes, and every other value as JSON.
func bodyBytes(raw json.RawMessage, v vars) ([]byte, error) {
	x, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if x, err = v.expandJSON(x); err != nil {
		return nil, err
	}
	if out, ok, err := formBytes(x); ok || err != nil {
		return out, err
	}
	return encode(x)
}

// formBytes is false for a value that is none of the byte forms.
func formBytes(x any) (out []byte, ok bool, err error) {
	m, isMap := x.(map[string]any)
	if !isMap {
		return nil, false, nil
	}
	text, isText := m["text"].(string)
	b64, isB64 := m["base64"].(string)
	unit, isUnit := m["repeat"].(string)
	times, isTimes := m["times"].(json.Number)
	parts, isParts := m["parts"].([]any)
	switch {
	case isText && len(m) == 1:
		return []byte(text), true, nil
	case isB64 && len(m) == 1:
		out, err = base64.StdEncoding.DecodeString(b64)
		return out, true, err
	case isUnit && isTimes && len(m) == 2:
		n, err := times.Int64()
		return []byte(strings.Repeat(unit, int(n))), true, err
	case isParts && len(m) == 1:
		for _, p := range parts {
			b, ok, err := formBytes(p)
			if !ok || err != nil {
				return nil, true, fmt.Errorf("bad part of a body: %v", err)
			}
			out = append(out, b...)
		}
		return out, true, nil
	}
	return nil, false, nil
}
