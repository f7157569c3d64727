package httpapi

import (
	"net/http"
)

// snapshotSave serves GET /v1/snapshot: an archive of the state at one index,
// streamed.
func (h *Handler) snapshotSave(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	st, err := h.fresh(q)
	if err != nil {
		return reply{}, err
	}
	head := q.w.Header()
	h.meta(q, plainRead, st.Index()).write(head)
	head.Set("Content-Type", "application/x-gzip")
	if err := h.reg.SaveSnapshot(q.w, st); err != nil {
		h.log.Warn("snapshot was not sent to its end", "error", err)
		// The status is out already: only a cut connection says that it failed.
		panic(http.ErrAbortHandler)
	}
	return reply{done: true}, nil
}

// snapshotRestore serves PUT /v1/snapshot.
func (h *Handler) snapshotRestore(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	return reply{}, h.reg.RestoreSnapshot(q.Context(), q.Body)
}
