package raft

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/registryd/registryd/internal/bolttree"
)

// probe reads all of a bolt file and reports damage as an error.
//
// Opening a file for writing makes bbolt look for its free pages in a goroutine
// of its own, where damage is a crash that nobody can catch. So the file is
// opened for reading first, which looks at nothing, and walked in this
// goroutine, where both a panic of bbolt and a fault beyond the end of a
// truncated file can be caught.
func probe(path string, lock time.Duration) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil // bbolt creates it
	}
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	defer faultsPanic()()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lock})
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.Begin(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	if tx.Size() > info.Size() {
		return fmt.Errorf("%d bytes are missing at its end", tx.Size()-info.Size())
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := bolttree.Check(tx, file); err != nil {
		return err
	}
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			if len(k) == 0 || len(v) == 0 {
				return fmt.Errorf("bucket %q has a key without value", name)
			}
			_ = bytes.Count(v, v[:1]) // reads it: it may lie on pages of its own
			return nil
		})
	})
}
