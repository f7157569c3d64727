package api

import "time"

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
