package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// loopbacks returns n loopback addresses, of its own for each server where the
// system has more than one. A port that a server lends the kernel while it is
// down is then not taken by an outgoing connection, which all come from
// 127.0.0.1.
func loopbacks(n int) []string {
	hosts := make([]string, n)
	a, b := 1+rand.IntN(250), 1+rand.IntN(250)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("127.%d.%d.%d", a, b, i+1)
		if ln, err := net.Listen("tcp", net.JoinHostPort(hosts[i], "0")); err == nil {
			ln.Close()
			continue
		}
		hosts[i] = "127.0.0.1"
	}
	return hosts
}

// freePort returns a port that nobody listens on.
func freePort(tb testing.TB, host string) int {
	tb.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatalf("find a free port: %v", err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
