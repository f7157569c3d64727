package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
)

// slowConsensus is a Consensus whose proposals wait to be let go, or for the end of
// their context.
type slowConsensus struct {
	*local
	entered chan struct{}
	release chan struct{}
}

func (w *slowConsensus) Apply(ctx context.Context, cmd []byte) ([]byte, uint64, error) {
	w.entered <- struct{}{}
	select {
	case <-w.release:
		return w.local.Apply(ctx, cmd)
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

// A server that stops lets a write that is under way come to its end; one that
// does not come to it is answered, too, with words that say it was not done.
func TestFrontClosesBehindRequestsUnderWay(t *testing.T) {
	for _, released := range []bool{true, false} {
		st, err := store.Open(filepath.Join(t.TempDir(), "registry.db"))
		require.NoError(t, err)
		cons := &slowConsensus{local: &local{st: st}, entered: make(chan struct{}), release: make(chan struct{})}
		log := slog.New(slog.DiscardHandler)
		reg := registry.New(registry.Config{Name: "s1", ID: "id-1", Datacenter: "dc1", Logger: log}, st, cons)
		h := New(Config{Registry: reg, Logger: log})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		f := h.Front(ln)

		c, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		body := `{"Node":"n","Address":"10.0.0.1"}`
		_, err = io.WriteString(c, "PUT /v1/catalog/register HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\n"+body)
		require.NoError(t, err)
		<-cons.entered
		closed := make(chan error)
		go func() { closed <- f.Close() }()
		<-f.ctx.Done() // no more is taken
		require.NoError(t, f.work.Err(), "the write is broken off at once")
		if released {
			close(cons.release)
		} else {
			f.abort()
		}
		require.NoError(t, <-closed)
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		want := http.StatusText(http.StatusOK)
		if !released {
			want = "the server is shutting down"
			require.Contains(t, string(answer), "unavailable")
		}
		require.Contains(t, string(answer), want)
		require.Equal(t, released, strings.HasPrefix(string(answer), "HTTP/1.1 200"))
		require.NoError(t, c.Close())
		h.Close()
		reg.Close()
		require.NoError(t, st.Close())
	}
}
