package api

import (
	"context"
	"time"
)

// Kinds of what happened, as HistoryEvent.Kind has them. More may come: treat
// an unknown one as a line of text.
const (
	// HistoryCheck: the status of a check changed from From to To.
	HistoryCheck = "check"
	// HistoryRegistered: a node, an instance (ServiceID) or a check of one that
	// was there before (CheckID, its status in To) is new.
	HistoryRegistered = "registered"
	// HistoryChanged: a node or an instance was registered again with other
	// content; Reason names what differs.
	HistoryChanged = "changed"
	// HistoryRemoved: a node, an instance or a check is gone; Reason says why.
	HistoryRemoved = "removed"
	// HistoryMoved: an instance was handed from the node From to the node To.
	HistoryMoved = "moved"
	// HistoryHeld: a check that flaps is held critical.
	HistoryHeld = "held"
	// HistoryGuarded: a check was seen critical and keeps its status, as one of
	// too many.
	HistoryGuarded = "guarded"
	// HistoryReleased: a check is neither any more and shows what is seen of it.
	HistoryReleased = "released"
)

// HistoryEvent is one thing that happened to the catalog, as /v1/history lists
// it. What does not apply is empty.
type HistoryEvent struct {
	Index     uint64    // of the change: the ModifyIndex it gave
	Time      time.Time // in UTC, to the millisecond
	Kind      string    // HistoryCheck, …
	Node      string    // for HistoryMoved the one it is on now
	ServiceID string
	Service   string // name of the service
	CheckID   string
	From      string // status of a check, or node
	To        string
	Reason    string // one line of at most 120 bytes, such as the first of a check's output
	Server    string // the server that asked for the change
	Client    string // address of who asked that server, without port; empty if nobody did
}

// History reads what happened to the catalog: a bounded list that all servers
// keep alike.
type History struct{ c *Client }

// History returns the calls below /v1/history.
func (c *Client) History() History { return History{c} }

// All lists what happened, newest last. QueryOptions.Limit asks for the newest
// of it, Since and After for what is not older; Index waits for more.
func (h History) All(ctx context.Context, q *QueryOptions) ([]*HistoryEvent, QueryMeta, error) {
	return get[[]*HistoryEvent](ctx, h.c, "/v1/history", nil, q)
}

// Service lists what happened to the instances of a service and to their
// checks, as All does. A service that nobody has ever had is no error. What
// happens to a node is in the history of the node.
func (h History) Service(ctx context.Context, name string, q *QueryOptions) ([]*HistoryEvent, QueryMeta, error) {
	if err := named("service name", name); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*HistoryEvent](ctx, h.c, "/v1/history/service/"+escape(name), nil, q)
}

// Node lists what happened to a node, to its instances and checks, as All does.
func (h History) Node(ctx context.Context, name string, q *QueryOptions) ([]*HistoryEvent, QueryMeta, error) {
	if err := named("node name", name); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*HistoryEvent](ctx, h.c, "/v1/history/node/"+escape(name), nil, q)
}
