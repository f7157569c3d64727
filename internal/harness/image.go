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
// The files change while they are read, so the copy counts only if all of them
// are found the same when they are read again: then each was what the copy says
// at the moment between. What is cut off from its peers soon writes no more.
func image(from, to string) error {
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err = os.RemoveAll(to); err != nil {
			return err
		}
		if err = os.CopyFS(to, os.DirFS(from)); err != nil {
			continue // a file went away meanwhile
		}
		if err = same(from, to); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no image of %s: %w", from, err)
}

// same returns nil if both directories hold the same files.
func same(a, b string) error {
	files := 0
	err := filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		rel, err := filepath.Rel(a, path)
		if err != nil {
			return err
		}
		one, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		other, err := os.ReadFile(filepath.Join(b, rel))
		if err == nil && !bytes.Equal(one, other) {
			err = fmt.Errorf("%s changed", rel)
		}
		return err
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(b, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if files--; files < 0 {
				err = errors.New("a file went away")
			}
		}
		return err
	})
}

// trimNumber takes the number of a life off a directory's name.
func trimNumber(dir string) string { return dir[:strings.LastIndexByte(dir, '.')] }
