package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// failing serves an endpoint that answers with an error.
func failing(t *testing.T, path string, err error) *httptest.Server {
	t.Helper()
	h := &Handler{mux: chi.NewMux(), log: slog.New(slog.DiscardHandler), acl: []string{"allow"}}
	h.handle(path, get(func(*request) (reply, error) { return reply{}, err }))
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// TestEveryKindSurvivesTheWire sends an error of each kind through the door and
// reads it with the client.
func TestEveryKindSurvivesTheWire(t *testing.T) {
	kinds := 0
	for k := api.Internal; k == api.Internal || k.String() != api.Internal.String(); k++ {
		kinds++
		t.Run(k.String(), func(t *testing.T) {
			s := failing(t, "/v1/catalog/nodes", fmt.Errorf("read: %w", api.E(k, "what is wrong\nin two lines")))
			res, err := s.Client().Get(s.URL + "/v1/catalog/nodes")
			require.NoError(t, err)
			res.Body.Close()
			require.Equal(t, k.Status(), res.StatusCode)
			require.Equal(t, k.String(), res.Header.Get("X-Registryd-Error"))
			require.Equal(t, k, api.KindOf(res.Header.Get("X-Registryd-Error"), res.StatusCode))
			require.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))

			c, err := api.New(api.Config{Addresses: []string{s.URL}, RetryTime: -1, IgnoreEnv: true})
			require.NoError(t, err)
			defer c.Close()
			_, _, err = c.Catalog().Nodes(context.Background(), nil)
			require.Equal(t, k, api.ErrorKind(err), "%v", err)
			require.ErrorContains(t, err, "read: what is wrong in two lines")
		})
	}
	require.Greater(t, kinds, 10)
}

func TestForeignErrorIsInternal(t *testing.T) {
	s := failing(t, "/v1/x", errors.New("disk on fire"))
	res, err := s.Client().Get(s.URL + "/v1/x")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusInternalServerError, res.StatusCode)
	require.Equal(t, "internal", res.Header.Get("X-Registryd-Error"))
}

func TestErrorWithoutBody(t *testing.T) {
	w := httptest.NewRecorder()
	writeError(w, errNoBody)
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Empty(t, w.Body.String())
	require.Empty(t, w.Header())
}
