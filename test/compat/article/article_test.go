package article

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/consul/sdk/freeport"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Run(m)) }

// The three programs, run one after the other as the article has it.
func TestTheThreePrograms(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "./hello", "./register", "./discover").CombinedOutput()
	require.NoError(t, err, string(out))
	server := rig.One(t, nil)
	port := strconv.Itoa(freeport.GetOne(t))
	program := func(name string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(dir, name))
		cmd.Env = append(os.Environ(), "CONSUL_HTTP_ADDR="+server.HTTP, "PORT="+port)
		return cmd
	}

	hello := program("hello")
	require.NoError(t, hello.Start())
	defer func() {
		require.NoError(t, hello.Process.Kill())
		_ = hello.Wait()
	}()
	found, err := program("discover").Output()
	require.NoError(t, err)
	require.Empty(t, string(found))
	out, err = program("register").CombinedOutput()
	require.NoError(t, err, string(out))
	found, err = program("discover").Output()
	require.NoError(t, err)
	addr := strings.TrimSpace(string(found))
	require.Equal(t, "localhost:"+port, addr)

	rig.Eventually(t, "the hello service answers where it was found", func() error {
		resp, err := http.Get("http://" + addr)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "Hello from the greeter\n", string(body))
		return nil
	})

	// As the agent shows it.
	services, err := server.Client().Agent().Services()
	require.NoError(t, err)
	require.Equal(t, "greeter", services["greeter-service"].Service)
	require.Equal(t, []string{"greeter"}, services["greeter-service"].Tags)
}
