package store

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/registryd/registryd/internal/bolttree"
)

// loaded is what a file holds.
type loaded struct {
	state  *State
	merged bool // the state has fewer records than the file, see loader.merge
	txid   int  // bbolt's number of the commit that was read
}

// loadFile reads all of registry.db at path and reports damage as an error. A
// file that is missing or empty gives the empty State.
//
// The file is opened for reading, which looks at nothing, and walked in this
// goroutine, where a panic of bbolt can be caught, and a fault in the mapped
// memory of a file that has lost its end. Opening it for writing would begin
// with a search for free pages in a goroutine of bbolt's own, where damage ends
// the process.
func loadFile(path string) (l loaded, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		return loaded{state: emptyState()}, nil
	}
	if err != nil {
		return l, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockWait})
	switch {
	case errors.Is(err, berrors.ErrTimeout), errors.Is(err, os.ErrPermission):
		return l, err
	case err != nil:
		return l, fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer db.Close()
	file, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer file.Close()
	err = db.View(func(tx *bolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w: %d bytes are missing at its end", errDamaged, tx.Size()-info.Size())
		}
		if err := bolttree.Check(tx, file); err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		l.txid = tx.ID()
		l.state, l.merged, err = readRecords(tx)
		return err
	})
	return l, err
}

// errDamaged means that a file is not what was once written.
var errDamaged = errors.New("is damaged")

// readRecords builds the State of a file's records, if these are all and only
// those that were written, and reports whether it left some of them out.
func readRecords(tx *bolt.Tx) (state *State, merged bool, err error) {
	meta := tx.Bucket([]byte{bucketMeta})
	if meta == nil {
		// Killed before the first commit was complete, which makes all buckets.
		if other, _ := tx.Cursor().First(); other != nil {
			return nil, false, fmt.Errorf("%w: it has records and does not say as of when", errDamaged)
		}
		return emptyState(), false, nil
	}
	if v := meta.Get(formatKey); !strings.HasPrefix(string(v), formatFamily) {
		return nil, false, fmt.Errorf("%w: it has no format", errDamaged)
	} else if string(v) != formatVersion {
		return nil, false, fmt.Errorf("it has format %q, this version reads %q: use the version that wrote it", v, formatVersion)
	}
	l := newLoader()
	position := meta.Get(metaKey)
	if position != nil {
		if err := l.meta(position); err != nil {
			return nil, false, fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	var sum recordSum
	for b := bucketMeta + 1; b < bucketCount; b++ {
		bucket := tx.Bucket([]byte{b})
		if bucket == nil {
			continue // of an older version that did not have it
		}
		err := bucket.ForEach(func(k, v []byte) error {
			sum.add(b, k, v)
			return l.add(b, string(k), v)
		})
		if err != nil {
			return nil, false, fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	if err := sum.verify(meta.Get(sumKey), position); err != nil {
		return nil, false, err
	}
	state = l.finish()
	return state, l.merged, nil
}
