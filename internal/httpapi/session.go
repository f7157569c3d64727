package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// sessionBody is the body of /v1/session/create. Absent lists differ from
// empty ones.
type sessionBody struct {
	Name          string
	Node          string
	LockDelay     lockDelay
	TTL           string
	Behavior      string
	Checks        *[]string // the old form of NodeChecks
	NodeChecks    *[]string
	ServiceChecks []api.ServiceCheck
	enterpriseFields
}

// lockDelay is a duration as text, or a number: of seconds if it is small, else
// of nanoseconds.
type lockDelay struct{ d time.Duration }

// lockDelayUnit is the number from which on a lock delay is nanoseconds.
const lockDelayUnit = 1000

// UnmarshalJSON reads the lock delay.
func (l *lockDelay) UnmarshalJSON(b []byte) error {
	var d api.Duration
	if err := d.UnmarshalJSON(b); err != nil {
		return err
	}
	l.d = time.Duration(d)
	if len(b) > 0 && b[0] != '"' && l.d < lockDelayUnit {
		l.d *= time.Second
	}
	return nil
}

// defaultLockDelay is how long a lock stays unavailable unless the session says
// otherwise; Consul's value.
const defaultLockDelay = 15 * time.Second

// sessionCreate serves PUT /v1/session/create. Its body may be missing, and
// unknown fields are read over.
func (h *Handler) sessionCreate(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	in := sessionBody{LockDelay: lockDelay{defaultLockDelay}}
	if q.ContentLength != 0 {
		err := json.NewDecoder(http.MaxBytesReader(q.w, q.Body, bodyMax)).Decode(&in)
		if err != nil && !errors.Is(err, io.EOF) {
			return reply{}, bodyError(err, &in)
		}
	}
	if err := in.refuse(); err != nil {
		return reply{}, err
	}
	s := &api.Session{Name: in.Name, Node: in.Node, LockDelay: int64(in.LockDelay.d), TTL: in.TTL, Behavior: in.Behavior,
		NodeChecks: []string{api.SerfHealth}, ServiceChecks: in.ServiceChecks}
	if in.Checks != nil {
		s.NodeChecks = *in.Checks
	}
	if in.NodeChecks != nil {
		s.NodeChecks = *in.NodeChecks
	}
	id, err := h.reg.CreateSession(q.Context(), s)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(map[string]string{"ID": id})
}

// sessionDestroy serves PUT /v1/session/destroy/ID.
func (h *Handler) sessionDestroy(q *request) (reply, error) {
	if err := h.needSession(q); err != nil {
		return reply{}, err
	}
	return reply{body: trueBody}, h.reg.DestroySession(q.Context(), q.name)
}

// sessionRenew serves PUT /v1/session/renew/ID.
func (h *Handler) sessionRenew(q *request) (reply, error) {
	if err := h.needSession(q); err != nil {
		return reply{}, err
	}
	s, err := h.reg.RenewSession(q.Context(), q.name)
	switch {
	case err != nil:
		return reply{}, err
	case s == nil:
		return reply{}, api.E(api.NotFound, "Session id '"+q.name+"' not found")
	}
	return jsonReply([]*api.Session{s})
}

func (h *Handler) needSession(q *request) error {
	if q.name == "" {
		return api.E(api.Invalid, "Missing session")
	}
	return h.reg.CheckDatacenter(q.datacenter())
}

// sessionInfo serves GET /v1/session/info/ID.
func (h *Handler) sessionInfo(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing session")
	}
	return h.sessions(q, func(st *store.State) []*api.Session {
		if s := st.Session(q.name); s != nil {
			return []*api.Session{s}
		}
		return nil
	})
}

// sessionNode serves GET /v1/session/node/NODE.
func (h *Handler) sessionNode(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing node name")
	}
	return h.sessions(q, func(st *store.State) []*api.Session { return st.NodeSessions(q.name) })
}

// sessionList serves GET /v1/session/list.
func (h *Handler) sessionList(q *request) (reply, error) {
	return h.sessions(q, func(st *store.State) (l []*api.Session) {
		st.Sessions(func(s *api.Session) bool {
			l = append(l, s)
			return true
		})
		return l
	})
}

func (h *Handler) sessions(q *request, list func(*store.State) []*api.Session) (reply, error) {
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		return tableLook(st, store.TableSessions, func() (any, error) {
			l := list(st)
			if l == nil {
				l = []*api.Session{}
			}
			return l, nil
		}), nil
	})
}

// tableLook is the look of a read that has the index and watch of a table.
func tableLook(st *store.State, id store.TableID, value func() (any, error)) look {
	t := st.Table(id)
	return look{index: t.Index, watch: &t.Watch, body: func() (*encoded, error) {
		v, err := value()
		if err != nil {
			return nil, err
		}
		return encodeJSON(v)
	}}
}

func encodeJSON(v any) (*encoded, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, api.Wrap(api.Internal, "encode the answer", err)
	}
	return encode(b), nil
}
