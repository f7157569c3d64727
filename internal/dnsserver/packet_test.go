package dnsserver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
)

func TestOddPackets(t *testing.T) {
	s := newServer(t, world(t))
	head := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	web := "\x03web\x07service\x06consul\x00\x00\x01\x00\x01"
	opt := "\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"
	for _, row := range []struct {
		about, pkt string
		rcode      int // -1: silence
	}{
		{"nothing", "", -1},
		{"half a header", head[:8], -1},
		{"an answer", "\x12\x34\x81" + head[3:] + web, -1},
		{"only a header", head, dns.RcodeFormatError},
		{"no question", head[:5] + "\x00" + head[6:], dns.RcodeFormatError},
		{"two questions", head[:5] + "\x02" + head[6:] + web + web, dns.RcodeFormatError},
		{"question cut short", head + web[:len(web)-1], dns.RcodeFormatError},
		{"label too long", head + "\x40" + web, dns.RcodeFormatError},
		{"pointer to itself", head + "\xc0\x0c\x00\x01\x00\x01", dns.RcodeFormatError},
		{"OPT cut short", head[:11] + "\x01" + web + opt[:6], dns.RcodeFormatError},
		{"OPT twice", head[:11] + "\x02" + web + opt + opt, dns.RcodeFormatError},
		{"option cut short", head[:11] + "\x01" + web + opt[:9] + "\x00\x04\x00\x0a\x00\x08", dns.RcodeFormatError},
		{"EDNS version 1", head[:11] + "\x01" + web + "\x00\x00\x29\x10\x00\x00\x01\x00\x00\x00\x00", dns.RcodeBadVers},
		{"cookie", head[:11] + "\x01" + web + opt[:9] + "\x00\x0c\x00\x0a\x00\x08abcdefgh", dns.RcodeSuccess},
		{"DO bit", head[:11] + "\x01" + web + opt[:7] + "\x80\x00\x00\x00", dns.RcodeSuccess},
		{"status", "\x12\x34\x10" + head[3:] + web, dns.RcodeNotImplemented},
		{"notify", "\x12\x34\x20" + head[3:] + web, dns.RcodeNotImplemented},
		{"update", "\x12\x34\x28" + head[3:] + web, dns.RcodeNotImplemented},
		{"class CHAOS", head + web[:len(web)-1] + "\x03", dns.RcodeRefused},
		{"class ANY", head + web[:len(web)-2] + "\x00\xff", dns.RcodeSuccess},
		{"plain", head + web, dns.RcodeSuccess},
	} {
		for _, tcp := range []bool{false, true} {
			b := s.fast([]byte(row.pkt), tcp, newScratch())
			if b == nil {
				b = s.respond([]byte(row.pkt), client, tcp)
			}
			if row.rcode < 0 {
				require.Nil(t, b, row.about)
				continue
			}
			require.NotNil(t, b, row.about)
			var m dns.Msg
			require.NoError(t, m.Unpack(b), row.about)
			require.Equal(t, row.rcode, m.Rcode, row.about)
			require.EqualValues(t, 0x1234, m.Id, row.about)
			if row.about == "DO bit" {
				require.True(t, m.IsEdns0().Do())
			}
		}
	}
}

// TestFaultsDoNotEndTheServer breaks the catalog under the server's feet.
func TestFaultsDoNotEndTheServer(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, world(t), func(c *Config) {
		c.State = func() *store.State { return nil }
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	pkt := benchPacket(t, dns.TypeA, 0)
	require.Nil(t, s.fast(pkt, false, newScratch()))
	require.Nil(t, s.respond(pkt, client, false))
	require.Equal(t, 2, strings.Count(log.String(), "dns packet could not be handled"))
}

func FuzzPackets(f *testing.F) {
	c := world(f)
	servers := []*Server{
		newServer(f, c),
		newServer(f, c, func(cfg *Config) { cfg.AltDomain = "service.consul"; cfg.Settings.DisableCompression = true }),
	}
	for _, name := range []string{"web.service.consul.", "_web._tcp.consul.", "n1.node.consul.", "1.0.0.10.in-addr.arpa.", "consul.", "x.query.consul.", "0a000001.addr.consul."} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV, dns.TypeANY, dns.TypePTR, dns.TypeSOA} {
			m := new(dns.Msg).SetQuestion(name, qtype)
			pkt, err := m.Pack()
			require.NoError(f, err)
			f.Add(pkt, false)
			m.SetEdns0(1232, true)
			pkt, err = m.Pack()
			require.NoError(f, err)
			f.Add(pkt, true)
		}
	}
	scratches := []*scratch{newScratch(), newScratch()}
	f.Fuzz(func(t *testing.T, pkt []byte, tcp bool) {
		for i, s := range servers {
			for _, b := range [][]byte{s.fast(pkt, tcp, scratches[i]), s.respond(pkt, client, tcp)} {
				if b == nil {
					continue
				}
				var m dns.Msg
				require.NoError(t, m.Unpack(b))
				require.True(t, m.Response)
				require.Equal(t, pkt[:2], b[:2])
				require.LessOrEqual(t, len(b), maxTCPSize)
			}
		}
	})
}
