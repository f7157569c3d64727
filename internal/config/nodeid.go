package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/wholefile"
)

// nodeIDFile is where a server keeps its id, in the data directory.
const nodeIDFile = "node-id"

// EnsureNodeID sets NodeID if no source gave one: to what the data directory
// keeps, or else to a new one, which is kept there. Without a data directory
// the id is new each time. The data directory must exist.
func (c *Config) EnsureNodeID() error {
	if c.NodeID != "" {
		return nil
	}
	if c.DataDir == "" {
		c.NodeID = uuid.NewString()
		return nil
	}
	path := filepath.Join(c.DataDir, nodeIDFile)
	kept, err := os.ReadFile(path)
	switch {
	case err == nil:
		id := strings.ToLower(strings.TrimSpace(string(kept)))
		if len(id) != 36 || uuid.Validate(id) != nil {
			return fmt.Errorf("%s holds no UUID: put this server's id back, or remove the file to get a new one", path)
		}
		c.NodeID = id
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the node id: %w", err)
	}
	id := uuid.NewString()
	if err := wholefile.Write(path, []byte(id+"\n")); err != nil {
		return fmt.Errorf("keep the node id: %w", err)
	}
	c.NodeID = id
	return nil
}
