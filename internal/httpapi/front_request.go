package httpapi

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// parse reads a request's head (lines, each with its end). It reports whether
// the request is plain: a GET or PUT of a path without escapes, with no header
// that could change the answer but Accept-Encoding and Content-Length.
func (s *frontScratch) parse(head []byte) bool {
	line, rest, _ := bytes.Cut(head, crlf)
	method, target, ok := bytes.Cut(line, space)
	if !ok {
		return false
	}
	switch string(method) {
	case http.MethodGet:
		s.method = http.MethodGet
	case http.MethodPut:
		s.method = http.MethodPut
	default:
		return false
	}
	target, ok = bytes.CutSuffix(target, http11)
	if !ok || len(target) == 0 || target[0] != '/' {
		return false
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '%' || c == '#' {
			return false
		}
	}
	path, query, _ := strings.Cut(string(target), "?")
	if odd(path) {
		return false
	}
	s.url.Path, s.url.RawQuery = path, query
	return s.parseHeader(rest)
}

var (
	crlf   = []byte("\r\n")
	space  = []byte(" ")
	http11 = []byte(" HTTP/1.1")
)

// hasControl reports whether there is a control character, such as a line feed
// alone, which ends a line for net/http.
func hasControl(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// parseHeader reports whether the header has only fields that do not change
// the answer, and keeps Accept-Encoding.
func (s *frontScratch) parseHeader(b []byte) bool {
	clear(s.header)
	s.length = 0
	host, length := false, false
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, crlf)
		b = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || hasControl(line) {
			return false
		}
		value = bytes.TrimSpace(value)
		switch len(name) {
		case len("Host"):
			if host || !bytes.EqualFold(name, []byte("Host")) || len(value) == 0 {
				return false
			}
			host = true
		case len("Accept"):
			if !bytes.EqualFold(name, []byte("Accept")) || bytes.Contains(value, []byte("text")) {
				return false
			}
		case len("Content-Type"): // JSON is read whatever it says
			if !bytes.EqualFold(name, []byte("Content-Type")) {
				return false
			}
		case len("User-Agent"): // and Connection
			if bytes.EqualFold(name, []byte("Connection")) {
				if !bytes.EqualFold(value, []byte("keep-alive")) {
					return false
				}
			} else if !bytes.EqualFold(name, []byte("User-Agent")) {
				return false
			}
		case len("Content-Length"): // and X-Consul-Token
			if bytes.EqualFold(name, []byte("Content-Length")) {
				n, err := strconv.Atoi(string(value))
				// Two of them are net/http's to refuse: where the body ends must
				// never be a matter of opinion.
				if err != nil || n < 0 || n > frontBuffer || value[0] == '+' || length {
					return false
				}
				s.length, length = n, true
			} else if !bytes.EqualFold(name, []byte("X-Consul-Token")) {
				return false
			}
		case len("Accept-Encoding"):
			if !bytes.EqualFold(name, []byte("Accept-Encoding")) {
				return false
			}
			s.header["Accept-Encoding"] = []string{string(value)}
		default:
			return false
		}
	}
	return host
}
