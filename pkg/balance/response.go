package balance

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// fits reports whether an answer is known to be no longer than limit. Answers
// without a body need no reading.
func fits(resp *http.Response, limit int64) bool {
	return resp.ContentLength > 0 && resp.ContentLength <= limit
}

// readAhead reads the whole body, so that a connection lost in its middle is
// noticed while there is still time to ask another instance.
func readAhead(resp *http.Response) error {
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return nil
}

// watched is a response body that tells how it ended.
type watched struct {
	io.ReadCloser
	once sync.Once
	end  func(error)
}

// watchBody has end called once, with the error that reading met, or nil when
// the body was read to its end or closed.
func watchBody(body io.ReadCloser, end func(error)) io.ReadCloser {
	w := &watched{ReadCloser: body, end: end}
	if rw, ok := body.(io.Writer); ok {
		// After "101 Switching Protocols" the body is the connection.
		return &watchedConn{w, rw}
	}
	return w
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	switch err {
	case nil:
	case io.EOF:
		w.once.Do(func() { w.end(nil) })
	default:
		w.once.Do(func() { w.end(err) })
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.once.Do(func() { w.end(nil) })
	return err
}

type watchedConn struct {
	*watched
	io.Writer
}
