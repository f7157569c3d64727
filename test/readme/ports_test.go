//go:build unix

package readme_test

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// ports are all that the programs of the README listen on.
func ports() []int {
	list := []int{8302, 8502, 8503, 9000}
	for i := range 3 {
		list = append(list, 8300+10*i, 8301+10*i, 8500+10*i, 8600+10*i, 9001+i)
	}
	return list
}

// freeOffset returns what to add to the ports so that all of them are free: 0
// if that will do.
func freeOffset(t *testing.T) int {
	t.Helper()
	for offset := 0; offset < 24000; offset += 1000 {
		if taken := firstTaken(offset); taken == 0 {
			return offset
		} else if offset == 0 {
			t.Logf("port %d is taken: the commands run with other ports", taken)
		}
	}
	t.Skip("no set of ports is free")
	return 0
}

// firstTaken returns a port that something listens on, 0 if none.
func firstTaken(offset int) int {
	for _, p := range ports() {
		addr := fmt.Sprintf("127.0.0.1:%d", p+offset)
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			return p + offset
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", addr)
		if err != nil {
			return p + offset
		}
		udp.Close()
	}
	return 0
}

var numbers = regexp.MustCompile(`\b[0-9]{4}\b`)

// movePorts adds the offset to every port of ours that a command names.
func movePorts(text string, offset int) string {
	ours := map[string]int{}
	for _, p := range ports() {
		ours[strconv.Itoa(p)] = p
	}
	return numbers.ReplaceAllStringFunc(text, func(n string) string {
		if p, ok := ours[n]; ok {
			return strconv.Itoa(p + offset)
		}
		return n
	})
}

func TestPortsAreMovedTogether(t *testing.T) {
	for text, want := range map[string]string{
		"curl http://127.0.0.1:9000/x":                "curl http://127.0.0.1:10000/x",
		"dig @127.0.0.1 -p 8600 a":                    "dig @127.0.0.1 -p 9600 a",
		"register --port 8080 --check localhost:8500": "register --port 8080 --check localhost:9500",
		"18500 85001 web-8500x":                       "18500 85001 web-8500x",
	} {
		require.Equal(t, want, movePorts(text, 1000))
		require.Equal(t, text, movePorts(text, 0))
	}
}
