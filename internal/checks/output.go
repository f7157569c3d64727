package checks

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// cut shortens what a heartbeat said to limit bytes and says that it did.
func cut(output string, limit int) string {
	if len(output) <= limit {
		return output
	}
	return fmt.Sprintf("%s ... (captured %d of %d bytes)", head(output, limit), limit, len(output))
}

// head returns at most n bytes of s and does not split a character.
func head(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tail is a writer that keeps the last bytes written to it: of a long output
// the end says most. It is not safe for concurrent use.
type tail struct {
	limit int
	buf   []byte
	total int64
}

// Write keeps the end of p. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	t.total += int64(n)
	if n > t.limit {
		p = p[n-t.limit:]
	}
	t.buf = append(t.buf, p...)
	// Moving the end to the front only when the buffer is twice full keeps a
	// stream of small writes linear.
	if len(t.buf) > 2*t.limit {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.limit:]...)
	}
	return n, nil
}

// ReadFrom writes what r holds, for io.Copy, whose own buffer is many times the
// usual answer.
func (t *tail) ReadFrom(r io.Reader) (n int64, err error) {
	var part [512]byte
	for {
		m, err := r.Read(part[:])
		t.Write(part[:m])
		n += int64(m)
		switch err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
	}
}

// String returns what is kept, as valid UTF-8.
func (t *tail) String() string {
	b := t.buf
	if len(b) > t.limit {
		b = b[len(b)-t.limit:]
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// captured returns what is kept, with a first line that says so when something
// is missing.
func (t *tail) captured() string {
	if t.total <= int64(t.limit) {
		return t.String()
	}
	return fmt.Sprintf("Captured %d of %d bytes\n...\n%s", t.limit, t.total, t.String())
}
