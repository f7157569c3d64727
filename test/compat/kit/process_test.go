package kit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/freeport"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// Other kits start the agent with command lines of their own and end it with
// signals of their own. Both outputs must be closed when it is gone.
func TestOtherKits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  os.Signal
		args []string
	}{
		{"dev", syscall.SIGINT, strings.Fields("agent -dev -bind=127.0.0.1 -config-dir=.")},
		{"dev, terminated", syscall.SIGTERM, strings.Fields("agent -dev -bind 127.0.0.1 -config-dir .")},
		{"flags", syscall.SIGTERM, strings.Fields("agent -node X -datacenter y -bind 127.0.0.1 -client 127.0.0.1 -bootstrap -server -config-file config.json -data-dir none/yet -pid-file pid")},
		{"flags, interrupted", syscall.SIGINT, strings.Fields("agent -node X -datacenter y -bind 127.0.0.1 -client 127.0.0.1 -bootstrap -server -config-file config.json -data-dir none/yet -pid-file pid")},
		{"killed", syscall.SIGKILL, strings.Fields("agent -dev -config-dir=.")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ports := freeport.GetN(t, 2)
			raw, err := json.Marshal(map[string]any{"ports": map[string]any{
				"http": ports[0], "server": ports[1], "dns": -1, "serf_lan": -1, "serf_wan": -1, "grpc": -1, "grpc_tls": -1}})
			require.NoError(t, err)
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600))
			var out bytes.Buffer
			cmd := exec.Command("consul", c.args...)
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
			require.NoError(t, cmd.Start())
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }() // returns when both outputs are closed
			t.Cleanup(func() { _ = cmd.Process.Kill() })

			addr := "127.0.0.1:" + strconv.Itoa(ports[0])
			client := rig.Client(t, addr)
			rig.Eventually(t, "a leader", func() error {
				leader, err := client.Status().Leader()
				if err == nil && leader == "" {
					err = fmt.Errorf("nobody leads")
				}
				return err
			})
			require.NoError(t, client.Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "x"}))
			if strings.HasPrefix(c.name, "flags") {
				pid, err := os.ReadFile(filepath.Join(dir, "pid"))
				require.NoError(t, err)
				require.Equal(t, strconv.Itoa(cmd.Process.Pid), strings.TrimSpace(string(pid)))
				self, err := client.Agent().Self()
				require.NoError(t, err)
				require.Equal(t, "X", self["Config"]["NodeName"])
				require.Equal(t, "y", self["Config"]["Datacenter"])
			}
			begin := time.Now()
			require.NoError(t, cmd.Process.Signal(c.end))
			err = rig.Within(t, "the end", ended)
			require.Less(t, time.Since(begin), 10*time.Second)
			if c.end != syscall.SIGKILL {
				require.NoError(t, err, out.String())
			}
		})
	}
}
