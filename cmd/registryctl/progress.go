package main

import (
	"fmt"
	"io"
	"time"
)

// Progress shows after a second, for what is done sooner needs none, and then
// this often.
const (
	progressAfter = time.Second
	progressEvery = 200 * time.Millisecond
)

// progress tells a person at a terminal how far long work is, on a line of its
// own that is gone when the work is done. For one goroutine.
type progress struct {
	w     io.Writer // nil shows nothing
	now   func() time.Time
	next  time.Time // when to show something
	shown bool
}

// progress begins to tell of work, on standard error if that is a terminal.
func (t *tool) progress() *progress {
	p := &progress{now: time.Now}
	if l := lookOf(t.err); l.width > 0 && l.redraw {
		p.w = t.err
	}
	p.next = p.now().Add(progressAfter)
	return p
}

// at says how far the work is.
func (p *progress) at(format string, args ...any) {
	now := p.now()
	if p.w == nil || now.Before(p.next) {
		return
	}
	p.next, p.shown = now.Add(progressEvery), true
	fmt.Fprintf(p.w, "\r"+format+"\x1b[K", args...)
}

// done takes the line away.
func (p *progress) done() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// reading returns r, with progress being told as it is read. What names the
// work; total is in bytes, 0 if it is not known. It can seek if r can.
func (p *progress) reading(r io.Reader, what string, total int64) io.Reader {
	pr := &progressReader{r: r, p: p, what: what, total: total}
	if s, ok := r.(io.Seeker); ok {
		return &progressSeeker{pr, s}
	}
	return pr
}

type progressReader struct {
	r     io.Reader
	p     *progress
	what  string
	n     int64
	total int64
}

func (r *progressReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.n += int64(n)
	if r.total > 0 {
		r.p.at("%s: %s of %s (%d %%)", r.what, bytesText(r.n), bytesText(r.total), 100*r.n/r.total)
	} else {
		r.p.at("%s: %s", r.what, bytesText(r.n))
	}
	return n, err
}

type progressSeeker struct {
	*progressReader
	io.Seeker
}

// Seek tells of the work from there again, as when another server is tried.
func (s *progressSeeker) Seek(offset int64, whence int) (int64, error) {
	at, err := s.Seeker.Seek(offset, whence)
	if err == nil {
		s.n = at
	}
	return at, err
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}
