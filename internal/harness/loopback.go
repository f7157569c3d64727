package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// loopbacks returns n loopback addresses, of its own for each server where the
// system has more than one: tests that run beside each other choose from ports of
// their own.
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

// The ports of servers lie below those that systems lend to outgoing connections
// and to who asks for any port, so nobody else gets one while its server is down.
const lowestPort, highestPort = 10_000, 32_000

// freePorts returns n different ports of the host that nobody listens on.
func freePorts(tb testing.TB, host string, n int) []int {
	tb.Helper()
	var ports []int
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer ln.Close() // after the last, so that none is chosen twice
		if ports = append(ports, port); len(ports) == n {
			return ports
		}
	}
	tb.Fatalf("no %d ports of %s are free", n, host)
	return nil
}
