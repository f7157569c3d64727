package raft

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	hraft "github.com/hashicorp/raft"
)

// recoverPeers applies a peers.json, by which an operator gives a cluster that
// lost its majority a new configuration. The file is Consul's: a list of
// {"id", "address", "non_voter"}, in the data directory or its raft directory.
// It works on every server with the same file, or on one with only itself in it.
//
// Everything in the log counts as committed, since nobody is left to say what
// was; then the state becomes durable, the configuration is noted as that of a
// snapshot behind the whole log, the log is dropped and the file renamed, in
// this order. A kill in between makes the next start do it again.
func (n *Node) recoverPeers() error {
	for _, path := range []string{
		filepath.Join(n.storage.dir, "peers.json"),
		filepath.Join(n.cfg.Dir, "peers.json"),
	} {
		c, err := readPeers(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = n.replaceConfiguration(c)
		}
		if err == nil {
			err = os.Rename(path, path+".applied")
		}
		if err == nil {
			err = syncDir(filepath.Dir(path))
		}
		if err != nil {
			return fmt.Errorf("recover with %s: %w", path, err)
		}
		n.log.Warn("cluster configuration replaced by an operator", "file", path, "servers", len(c.Servers))
	}
	return nil
}

func readPeers(path string) (hraft.Configuration, error) {
	var c hraft.Configuration
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	var peers []struct {
		ID       string `json:"id"`
		Address  string `json:"address"`
		NonVoter bool   `json:"non_voter"`
	}
	if err := json.Unmarshal(b, &peers); err != nil {
		return c, fmt.Errorf("not a list of {\"id\", \"address\", \"non_voter\"}: %w", err)
	}
	ids, addresses, voters := map[string]bool{}, map[string]bool{}, 0
	for _, p := range peers {
		if p.ID == "" || p.Address == "" {
			return c, errors.New("a server without id or address")
		}
		if ids[p.ID] || addresses[p.Address] {
			return c, fmt.Errorf("server %s at %s is there twice", p.ID, p.Address)
		}
		ids[p.ID], addresses[p.Address] = true, true
		s := hraft.Server{ID: hraft.ServerID(p.ID), Address: hraft.ServerAddress(p.Address), Suffrage: hraft.Nonvoter}
		if !p.NonVoter {
			s.Suffrage = hraft.Voter
			voters++
		}
		c.Servers = append(c.Servers, s)
	}
	if voters == 0 {
		return c, errors.New("no voter")
	}
	return c, nil
}

// replaceConfiguration runs before the library is started.
func (n *Node) replaceConfiguration(c hraft.Configuration) error {
	first, err := n.storage.logs.FirstIndex()
	if err != nil {
		return damaged(n.storage.dir, err)
	}
	last, err := n.storage.logs.LastIndex()
	if err != nil {
		return damaged(n.storage.dir, err)
	}
	if last == 0 && n.snaps.note == nil {
		return errors.New("this server has no data to recover: let it join instead")
	}
	var index, term uint64
	if n.snaps.note != nil {
		index, term = n.snaps.note.Index, n.snaps.note.Term
	}
	for i := max(index+1, first); i <= last; i++ {
		var l hraft.Log
		if err := n.storage.logs.GetLog(i, &l); err != nil {
			return damaged(n.storage.dir, err)
		}
		if l.Type == hraft.LogCommand {
			n.adapter.Apply(&l)
		}
		index, term = l.Index, l.Term
	}
	if at, _ := n.fsm.LastApplied(); at > 0 {
		if _, err := n.fsm.Checkpoint(at); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	note := newSnapshotNote(index, term, c, 1)
	note.State, _ = n.fsm.Durable()
	if err := n.snaps.settle(note); err != nil {
		return err
	}
	if last > 0 {
		if err := n.storage.logs.DeleteRange(first, last); err != nil {
			return fmt.Errorf("drop the log: %w", err)
		}
	}
	n.adapter.set(note)
	n.adapter.skip, _ = n.fsm.Durable()
	// A server that had been waiting to catch up has nobody to ask any more.
	return n.stopAbstaining()
}

func (n *Node) stopAbstaining() error {
	var note electorNote
	ok, err := n.storage.stable.Load(keyElector, &note)
	if err != nil || !ok {
		return err
	}
	note.Abstain = false
	return n.storage.stable.Put(keyElector, note)
}
