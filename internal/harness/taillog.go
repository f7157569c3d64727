package harness

import "sync"

// tailLog keeps the end of what is written to it. Safe for concurrent use.
type tailLog struct {
	mu  sync.Mutex
	buf []byte
}

// logKept is enough for the last minute of a server in trouble.
const logKept = 32 << 10

func (t *tailLog) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*logKept {
		t.buf = append([]byte(nil), t.buf[len(t.buf)-logKept:]...)
	}
	return len(p), nil
}

func (t *tailLog) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
