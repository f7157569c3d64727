package raft

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// joiner brings this server into the cluster and keeps it there: it finds other
// servers at the join addresses and where they were before, founds a cluster
// with them or asks the leader for membership, announces a changed address, and
// begins anew when the leader has been silent for long, as it is to a server
// that was removed while it could not be reached.
type joiner struct {
	node    *Node
	nudged  chan struct{} // something happened that makes a step worthwhile
	failed  chan error    // what Failed returns
	began   time.Time     // of the present search
	settled bool          // the leader knows where this server is
	met     bool          // a server has answered in the present search
	refused bool          // by the leader, when it was last asked
	once    []string      // Join addresses, until tried
	asked   string        // the run in which this server last became settled, or tries to
	said    *seenMessages // what was logged of the search

	mu      sync.Mutex
	extra   []string // addresses given to JoinCluster
	resting bool     // left or removed: waits for JoinCluster
	run     string   // since the start or the last JoinCluster, see removals.go
	trouble error    // the latest failure to reach a server, or a leader's refusal
}

// The pace of the search: fast while a cluster may be forming, then slower.
const (
	fastPace, fastFor = 200 * time.Millisecond, 15 * time.Second
	slowPace, slowFor = time.Second, 2 * time.Minute
	// lookPace is how often a settled member looks whether it still is one.
	lookPace = time.Second
	// lostAfter is how long a leader is silent before a member looks for it.
	lostAfter = 3 * time.Second
	// A nudge waits for nudgePace, so that what comes together costs one step.
	// After manyNudges without a pause in between it waits for fastPace: servers
	// whose steps are news to each other cannot keep each other busy.
	nudgePace, manyNudges = 10 * time.Millisecond, 16
)

func newJoiner(n *Node) *joiner {
	return &joiner{
		node: n, nudged: make(chan struct{}, 1), failed: make(chan error, 1),
		began: time.Now(), once: n.cfg.Join, said: newSeenMessages(n.cfg.RetryInterval), run: rand.Text(),
	}
}

// nudge makes the joiner take its next step now.
func (n *Node) nudge() {
	select {
	case n.joiner.nudged <- struct{}{}:
	default:
	}
}

// Failed returns a channel that receives one error if RetryMax attempts to join
// have failed. The search has ended then, and the owner should Close the Node.
func (n *Node) Failed() <-chan error { return n.joiner.failed }

func (j *joiner) loop() {
	n := j.node
	nudges := 0 // without a pause in between
	for {
		wait := lookPace
		switch {
		case j.rests():
		case j.settled && !j.lost() && j.asked == j.presentRun():
			n.refreshRoster()
		default:
			if j.settled {
				j.settled, j.met, j.began = false, false, time.Now()
			}
			j.asked = j.presentRun()
			if j.step(); !j.settled {
				var more bool
				if wait, more = j.pace(); !more {
					return
				}
			}
		}
		if j.catchUp(); j.settled && n.guard.Note().Abstain {
			wait = min(wait, fastPace) // the cluster is one vote short
		}
		select {
		case <-time.After(wait):
			nudges = 0
		case <-j.nudged:
			pause := nudgePace
			if nudges++; nudges > manyNudges {
				pause = fastPace
			}
			select {
			case <-time.After(pause):
			case <-n.ctx.Done():
				return
			}
		case <-n.ctx.Done():
			return
		}
	}
}

// lost reports whether a settled member should look for the leader.
func (j *joiner) lost() bool { return j.node.LastContact() > lostAfter }

// pace returns the time until the next step, and false when the search is over.
func (j *joiner) pace() (time.Duration, bool) {
	n := j.node
	elapsed := time.Since(j.began)
	if err := j.hopeless(elapsed); err != nil {
		j.failed <- err
		return 0, false
	}
	switch {
	case j.refused:
		// What is in the way may go soon, as a server does that died with this
		// one's name, or stay until somebody acts.
		return min(max(elapsed/4, fastPace), n.cfg.RetryInterval), true
	case elapsed < fastFor:
		return fastPace, true
	case elapsed < slowFor || n.member():
		return slowPace, true
	}
	return n.cfg.RetryInterval, true
}

// hopeless returns why the search is given up: for RetryMax times RetryInterval
// nobody has answered, or the leader has refused this server. One that others
// have answered, and that waits with them for a cluster, goes on, and so does a
// member.
func (j *joiner) hopeless(elapsed time.Duration) error {
	c := &j.node.cfg
	switch {
	case c.RetryMax <= 0, len(c.RetryJoin) == 0, elapsed <= time.Duration(c.RetryMax)*c.RetryInterval:
		return nil
	case j.met && !j.refused, j.node.member():
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return api.Wrap(api.Unavailable, fmt.Sprintf("no server could be joined in %d attempts", c.RetryMax), j.trouble)
}

// step makes one attempt to get settled.
func (j *joiner) step() {
	n := j.node
	ctx, cancel := n.within(2 * n.timing.rpc)
	defer cancel()
	if n.IsLeader() {
		j.settled = j.announce(ctx)
		return
	}
	if addr, id := n.Leader(); id != "" && !j.lost() {
		j.ask(ctx, endpoint(id, addr))
		return
	}
	found := j.meet(ctx)
	asked := map[string]bool{}
	for _, i := range found {
		leader := endpoint(i.Leader, i.LeaderAddress)
		if i.LeaderAddress == "" || i.Leader == n.cfg.ID || asked[leader] {
			continue
		}
		asked[leader] = true
		if j.ask(ctx, leader) {
			return
		}
	}
	note := n.guard.Note()
	unfinished := !n.founded() || (note.Abstain && note.Promise != nil)
	if unfinished && n.cfg.BootstrapExpect > 1 && !n.cfg.NonVoter {
		n.founding.step(ctx, found)
	}
}

// announce puts a leader's own address right, if that changed.
func (j *joiner) announce(ctx context.Context) bool {
	n := j.node
	s, ok := n.find(n.cfg.ID)
	if !ok || string(s.Address) == n.cfg.Advertise {
		return true
	}
	if n.ready.Load() == 0 || s.Suffrage != hraft.Voter {
		return false
	}
	if n.turn.Take(ctx) != nil {
		return false
	}
	defer n.turn.Give()
	err := n.change(ctx, func() hraft.Future {
		return n.raft.AddVoter(s.ID, hraft.ServerAddress(n.cfg.Advertise), 0, n.cfg.HoldTimeout)
	})
	return err == nil
}

// meet introduces this server at every address it knows and returns who
// answered, each once.
func (j *joiner) meet(ctx context.Context) []introduction {
	var (
		mu    sync.Mutex
		met   bool
		found = map[string]introduction{}
		asked = map[string]bool{j.node.cfg.Advertise: true}
		wg    sync.WaitGroup
		visit func(addrs []string)
	)
	visit = func(addrs []string) {
		for _, addr := range addrs {
			addr = j.node.joinAddress(addr)
			mu.Lock()
			seen := asked[addr] || len(asked) > maxKnown
			asked[addr] = true
			met = met || addr == j.node.cfg.Advertise // as in Consul, this server counts
			mu.Unlock()
			if seen {
				continue
			}
			wg.Go(func() {
				i, err := j.node.identify(ctx, addr)
				if err != nil {
					j.complain(addr, err)
					return
				}
				mu.Lock()
				met = true
				if i.ID != j.node.cfg.ID {
					found[i.ID] = i
				}
				mu.Unlock()
				visit(i.Peers)
			})
		}
	}
	visit(j.addresses())
	wg.Wait()
	j.met = j.met || met
	list := make([]introduction, 0, len(found))
	for _, i := range found {
		list = append(list, i)
	}
	return list
}

// complain reports that an address cannot be joined, a refusal louder than
// silence.
func (j *joiner) complain(addr string, err error) {
	j.mu.Lock()
	j.trouble = err
	j.mu.Unlock()
	if errors.Is(err, api.Refused) {
		j.warn("cannot join", "address", addr, "error", err)
		return
	}
	j.node.log.Debug("cannot join", "address", addr, "error", err)
}

// warn logs what an operator should mend. What is met again and again is a
// warning once in RetryInterval.
func (j *joiner) warn(msg string, args ...any) {
	level := slog.LevelDebug
	if j.said.first(fmt.Sprintln(append([]any{msg}, args...)...)) {
		level = slog.LevelWarn
	}
	j.node.log.Log(j.node.ctx, level, msg, args...)
}

// addresses returns everywhere another server may be.
func (j *joiner) addresses() []string {
	n := j.node
	j.mu.Lock()
	addrs := append([]string{}, j.extra...)
	j.mu.Unlock()
	addrs = append(append(addrs, n.cfg.RetryJoin...), j.once...)
	j.once = nil
	if n.guard.Note().Left && !n.cfg.Rejoin {
		return addrs
	}
	for _, s := range n.configuration() {
		addrs = append(addrs, string(s.Address))
	}
	for _, a := range n.roster.all() {
		addrs = append(addrs, a.Address)
	}
	return addrs
}

// joinAddress adds the default port to a join address without one.
func (n *Node) joinAddress(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	host := addr
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return net.JoinHostPort(host, strconv.Itoa(n.cfg.DefaultPort))
}

// ask asks the leader at the endpoint for membership at this server's address.
func (j *joiner) ask(ctx context.Context, addr string) bool {
	n := j.node
	self := n.introduce()
	body, err := json.Marshal(self)
	if err == nil {
		body, err = n.client.Call(ctx, addr, callJoin, body)
	}
	var answer joinAnswer
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		j.complain(addr, err)
		j.refused = errors.Is(err, api.Refused)
		return false
	}
	if answer.Removed {
		return j.removed(self.Run)
	}
	j.settled, j.refused = true, false
	if n.guard.Note().Left {
		err = n.guard.update(func(note *electorNote) { note.Left = false })
	}
	if err != nil {
		n.log.Warn("cannot note that this server joined", "error", err)
	}
	n.log.Info("joined", "leader", addr)
	return true
}

// catchUp gives this server its vote back when it has everything that was ever
// acknowledged, see electorNote.Abstain.
func (j *joiner) catchUp() {
	n := j.node
	if !j.settled || !n.guard.Note().Abstain || !n.founded() {
		return
	}
	ctx, cancel := n.within(2 * n.timing.rpc)
	defer cancel()
	if n.ReadIndex(ctx, Consistent) != nil {
		return
	}
	term := n.raft.CurrentTerm()
	if err := n.guard.update(func(note *electorNote) { note.Abstain, note.Through = false, term }); err != nil {
		n.log.Warn("cannot note that this server has caught up", "error", err)
	}
}

// JoinCluster introduces this server at the addresses, as the join command
// does, and returns how many servers answered. A server without a cluster then
// joins theirs; servers without one join this server's. It is an error when
// nobody answered, or when both have a cluster of their own.
func (n *Node) JoinCluster(ctx context.Context, addrs []string) (int, error) {
	count := 0
	var failed error
	for _, addr := range addrs {
		addr = n.joinAddress(addr)
		i, err := n.identify(ctx, addr)
		if err == nil && i.ID != n.cfg.ID && i.Founded && n.founded() && i.Leader != "" {
			if _, ok := n.find(i.Leader); !ok && n.KnownLeader() {
				err = api.E(api.Refused, fmt.Sprintf("server %q at %s belongs to another cluster", i.Name, addr))
			}
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		count++
		n.joiner.mu.Lock()
		if len(n.joiner.extra) < maxKnown {
			n.joiner.extra = append(n.joiner.extra, addr)
		}
		n.joiner.resting, n.joiner.run = false, rand.Text()
		n.joiner.mu.Unlock()
	}
	n.nudge()
	if count > 0 {
		return count, nil
	}
	return 0, failed
}
