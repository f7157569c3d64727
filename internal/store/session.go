package store

import "github.com/registryd/registryd/pkg/api"

type sessionState struct{}

func emptySessions() sessionState { return sessionState{} }

// checkMoved, checkGone and nodeGone end the sessions that depend on what
// changed.
func (d *draft) checkMoved(n *nodeDraft, c *api.Check) {}
func (d *draft) checkGone(n *nodeDraft, id string)     {}
func (d *draft) nodeGone(n *nodeDraft)                 {}

func (d *draft) handOverSessions(from *nodeDraft, heirs []string) {}
