package checks

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is an Emit that remembers.
type recorder struct {
	mu   sync.Mutex
	seen []Transition
}

func (r *recorder) emit(batch []Transition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, batch...)
}

// take returns what was emitted since the last take.
func (r *recorder) take() []Transition {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// said returns what was emitted since the last take as "status: output" lines.
func (r *recorder) said() []string {
	var lines []string
	for _, t := range r.take() {
		lines = append(lines, strings.TrimSuffix(t.Status+": "+t.Output, ": "))
	}
	return lines
}

// peer is a RoundTripper that answers from memory.
type peer func(*http.Request) (code int, body string, err error)

func (p peer) RoundTrip(req *http.Request) (*http.Response, error) {
	code, body, err := p(req)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code, Request: req, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// sleepy waits like a slow server: until its time is over or the client leaves.
func sleepy(req *http.Request, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

// newRunner starts a runner that the test stops.
func newRunner(t testing.TB, cfg Config) *Runner {
	r := NewRunner(cfg)
	t.Cleanup(r.Close)
	return r
}

func ttlCheck(id string, ttl time.Duration, status string) *api.Check {
	return &api.Check{Node: "n", CheckID: id, Status: status, Probe: &api.CheckDefinition{TTL: api.Duration(ttl)}}
}

func httpCheck(id string, every time.Duration) *api.Check {
	return &api.Check{Node: "n", CheckID: id, Status: api.Critical,
		Probe: &api.CheckDefinition{HTTP: "http://peer/" + id, Interval: api.Duration(every)}}
}

func named(id string) ID { return ID{Node: "n", CheckID: id} }

func requireKind(t *testing.T, kind api.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind.String(), api.ErrorKind(err).String(), err.Error())
	require.NotContains(t, err.Error(), "\n")
}
