package harness

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
)

const consistent = raft.Consistent

// Verify ends a scenario. It mends all links and starts who is down, and then
// fails the test unless the cluster becomes healthy by itself, all servers have
// the same state to the byte and every promise of the ledgers is kept. Then it
// stops them all, and what each has on disk must be that same state.
func (c *Cluster) Verify(ledgers ...*Ledger) {
	c.tb.Helper()
	c.Heal()
	for i := range c.members {
		if !c.Running(i) {
			c.Start(i)
		}
	}
	c.WaitHealthy()
	state := c.waitEqual()
	for _, l := range ledgers {
		l.verify(c.tb, state)
	}
	c.verifyFiles()
}

// waitEqual waits until all servers have the same state, and returns it.
func (c *Cluster) waitEqual() *store.State {
	c.tb.Helper()
	var state *store.State
	Await(c.tb, "equal states", func() error {
		// Reading forces what is committed to be applied everywhere.
		var first []byte
		for i := range c.members {
			st, err := c.Server(i).Registry().Read(c.tb.Context(), consistent)
			if err != nil {
				return fmt.Errorf("read server %d: %w", i, err)
			}
			b, err := bytesOf(st)
			switch {
			case err != nil:
				return err
			case i == 0:
				first, state = b, st
			case !bytes.Equal(first, b):
				return fmt.Errorf("server %d at index %d has another state than server 0 at %d", i, st.Index(), state.Index())
			}
		}
		return nil
	})
	return state
}

// verifyFiles closes every server and compares what registry.db then holds with
// what the server held last.
func (c *Cluster) verifyFiles() {
	c.tb.Helper()
	for i, m := range c.members {
		r := c.Server(i).Registry()
		c.Stop(i)
		want, err := bytesOf(r.State())
		if err != nil {
			c.tb.Fatalf("state of %s: %v", m.name, err)
		}
		disk, err := store.Open(filepath.Join(m.dir, "registry.db"))
		if err != nil {
			c.tb.Fatalf("open the files of %s: %v", m.name, err)
		}
		have, err := bytesOf(disk.State())
		if err := firstOf(err, disk.Close()); err != nil {
			c.tb.Fatalf("read the files of %s: %v", m.name, err)
		}
		if !bytes.Equal(want, have) {
			c.tb.Errorf("%s holds index %d on disk and had %d in memory, and they differ", m.name, disk.State().Index(), r.State().Index())
		}
	}
}

func bytesOf(st *store.State) ([]byte, error) {
	var b bytes.Buffer
	if _, err := st.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("write state: %w", err)
	}
	return b.Bytes(), nil
}
