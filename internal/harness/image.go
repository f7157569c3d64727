package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// image copies the data directory of a running server as it is at one moment,
// which is what a kill leaves.
//
// The files are databases that change while they are read, so the copy counts
// only if none of them committed anything from beginning to end: a commit of
// bbolt shows in its first two pages, and until then touches no page that the
// commit before it uses. What is cut off from its peers soon commits no more.
func image(from, to string) error {
	var err error
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		var before, after map[string][]byte
		if before, err = heads(from); err != nil {
			continue
		}
		if err = os.RemoveAll(to); err != nil {
			return err
		}
		if err = os.CopyFS(to, os.DirFS(from)); err != nil {
			continue // a file went away meanwhile
		}
		if after, err = heads(from); err != nil {
			continue
		}
		if err = same(before, after); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no image of %s: %w", from, err)
}

// head is how much of a file tells its version: bbolt's two meta pages.
const head = 2 * 4096

// heads returns the beginnings of all files.
func heads(dir string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		b := make([]byte, head)
		n, err := f.Read(b)
		all[path] = b[:n]
		if n == 0 {
			return nil
		}
		return err
	})
	return all, err
}

func same(a, b map[string][]byte) error {
	if len(a) != len(b) {
		return errors.New("files came or went")
	}
	for path, h := range a {
		if !bytes.Equal(h, b[path]) {
			return fmt.Errorf("%s changed", filepath.Base(path))
		}
	}
	return nil
}

// trimNumber takes the number of a life off a directory's name.
func trimNumber(dir string) string { return dir[:strings.LastIndexByte(dir, '.')] }
