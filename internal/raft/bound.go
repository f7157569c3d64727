package raft

import (
	"context"
	"strconv"
	"strings"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// What a leader decides it decides by what it knows, and it may be deposed
// without noticing: while it was paused the others went on. So the contexts of a
// Term and of a Liveness carry the raft term, and what is applied under one is
// appended by the leader of that very term or not at all: it is not forwarded to
// the next one, nor left in the library's queue until this server leads again.
//
// The last look is where the entry gets its term, when the library hands it to
// the log store: there an entry of another term becomes an empty one.

// termKey is the key of the raft term in a context.
type termKey struct{}

// inTerm binds what is applied under the context to the raft term.
func inTerm(ctx context.Context, term uint64) context.Context {
	return context.WithValue(ctx, termKey{}, term)
}

// boundTo returns the raft term that the context is bound to.
func boundTo(ctx context.Context) (term uint64, bound bool) {
	term, bound = ctx.Value(termKey{}).(uint64)
	return term, bound
}

var errTermOver = api.E(api.Refused, "the term of leadership that the write belongs to is over")

// proposeIn is propose for a command that is bound to a raft term.
func (n *Node) proposeIn(ctx context.Context, term uint64, cmd []byte) ([]byte, uint64, error) {
	if n.ready.Load() != term {
		return nil, 0, errTermOver
	}
	done, err := n.beginLog(hraft.Log{Data: seal(cmd), Extensions: bond(term)})
	if err != nil {
		return nil, 0, err
	}
	p, err := n.await(ctx, done)
	if err != nil {
		return nil, 0, err
	}
	if _, empty := p.result.(uint64); empty {
		return nil, 0, errTermOver
	}
	result, _ := p.result.([]byte)
	return result, p.index, nil
}

// bondPrefix tells a bond from what else may be beside the data of an entry.
const bondPrefix = "registryd.term "

// bond is what an entry that is bound to a raft term has beside its data until
// it is stored.
func bond(term uint64) []byte { return strconv.AppendUint([]byte(bondPrefix), term, 10) }

// keepTerms empties the entries that are bound to another term than the one they
// got. The bond itself is never stored or sent: it is this server's alone.
func keepTerms(logs []*hraft.Log) {
	for _, l := range logs {
		term, bound := strings.CutPrefix(string(l.Extensions), bondPrefix)
		if !bound {
			continue
		}
		if term != strconv.FormatUint(l.Term, 10) {
			l.Data = nil
		}
		l.Extensions = nil
	}
}
