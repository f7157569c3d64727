package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Snapshots saves and restores the whole state of the cluster.
type Snapshots struct{ c *Client }

// Snapshots returns the calls of /v1/snapshot.
func (c *Client) Snapshots() Snapshots { return Snapshots{c} }

// Save streams an archive of the state at QueryMeta.Index. The caller reads it
// to the end (io.EOF; any other error means that it is not whole) and closes
// it.
func (s Snapshots) Save(ctx context.Context, q *QueryOptions) (io.ReadCloser, QueryMeta, error) {
	rep, err := s.c.do(ctx, &request{method: http.MethodGet, path: "/v1/snapshot", q: q, open: true})
	if err != nil {
		return nil, QueryMeta{}, err
	}
	return rep.open, rep.meta, nil
}

// Restore replaces the whole state by that of an archive. A damaged or foreign
// archive is refused before anything changes. If archive can also seek, another
// server may be tried when the first one turns it down.
func (s Snapshots) Restore(ctx context.Context, archive io.Reader) error {
	return s.c.write(ctx, &request{
		method: http.MethodPut,
		path:   "/v1/snapshot",
		stream: rereadable(archive),
		ctype:  "application/octet-stream",
	}, nil, nil)
}

// rereadable opens r for each attempt: as it stands for the first, and from
// there again if it can seek or was not touched.
func rereadable(r io.Reader) func() (io.Reader, error) {
	seeker, _ := r.(io.Seeker)
	var start int64
	counted := &countingReader{r: r}
	first := true
	return func() (io.Reader, error) {
		if first {
			first = false
			if seeker != nil {
				at, err := seeker.Seek(0, io.SeekCurrent)
				if err != nil {
					seeker = nil // a pipe is a file that cannot seek
				}
				start = at
			}
			return counted, nil
		}
		if counted.n == 0 {
			return counted, nil
		}
		if seeker == nil {
			return nil, E(Invalid, "archive cannot be read a second time")
		}
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("rewind archive: %w", err)
		}
		return counted, nil
	}
}

// countingReader hides all but Read, so that the HTTP client does not close
// the caller's file, and knows whether anything was read.
type countingReader struct {
	r io.Reader
	n int64
}

// Read reads from the archive.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
