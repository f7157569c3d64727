package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDNSName(t *testing.T) {
	for _, c := range []struct {
		service      string
		tags         []string
		dc, domain   string
		want, reason string
	}{
		{"web", nil, "", "consul.", "web.service.consul.", "plain"},
		{"web", []string{"v1"}, "dc2", "example.org", "v1.web.service.dc2.example.org.", "with everything"},
		{"q.query.consul.", []string{"v1"}, "dc2", "consul.", "q.query.consul.", "a whole name"},
	} {
		require.Equal(t, c.want, dnsName(c.service, c.tags, c.dc, c.domain), c.reason)
	}
}

func TestHostOf(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:8500":          "10.0.0.1",
		"http://h:8500/":         "h",
		"https://h":              "h",
		"[::1]:8500":             "::1",
		"[::1]":                  "::1",
		"h":                      "h",
		"unix:///run/registry.s": "127.0.0.1",
	} {
		require.Equal(t, want, hostOf(addr), addr)
	}
}

func TestDNSServerThatIsNotThere(t *testing.T) {
	o := call(t, "127.0.0.1:1", "lookup", "web", "-dns", "-dns-addr=127.0.0.1:1")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "DNS server 127.0.0.1:1 does not answer")
}
