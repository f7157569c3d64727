package dnsserver

import (
	"net"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

var benchQuestions = []struct {
	name  string
	qtype uint16
	edns  uint16
}{
	{"A", dns.TypeA, 4096},
	{"SRV", dns.TypeSRV, 4096},
	{"A without EDNS", dns.TypeA, 0},
}

func benchPacket(t testing.TB, qtype, edns uint16) []byte {
	m := new(dns.Msg).SetQuestion("many.service.consul.", qtype)
	if edns > 0 {
		m.SetEdns0(edns, false)
	}
	pkt, err := m.Pack()
	require.NoError(t, err)
	return pkt
}

// TestFastAllocatesNothing guards what the fast way is for.
func TestFastAllocatesNothing(t *testing.T) {
	s := newServer(t, crowd(t, 10))
	c := newScratch()
	for _, q := range benchQuestions {
		pkt := benchPacket(t, q.qtype, q.edns)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if s.fast(pkt, false, c) == nil {
				t.Error("not answered the fast way")
			}
		}), q.name)
	}
}

func BenchmarkFast(b *testing.B) {
	s := newServer(b, crowd(b, 10))
	for _, q := range benchQuestions {
		b.Run(q.name, func(b *testing.B) {
			pkt, c := benchPacket(b, q.qtype, q.edns), newScratch()
			b.ReportAllocs()
			for b.Loop() {
				if s.fast(pkt, false, c) == nil {
					b.Fatal("not answered the fast way")
				}
			}
		})
	}
}

func BenchmarkGeneral(b *testing.B) {
	s := newServer(b, crowd(b, 10))
	for _, q := range benchQuestions {
		b.Run(q.name, func(b *testing.B) {
			pkt := benchPacket(b, q.qtype, q.edns)
			b.ReportAllocs()
			for b.Loop() {
				if s.respond(pkt, client, false) == nil {
					b.Fatal("not answered")
				}
			}
		})
	}
}

// BenchmarkSocket includes the kernel: 16 clients on sockets of their own ask
// as fast as they are answered.
func BenchmarkSocket(b *testing.B) {
	addr := listen(b, newServer(b, crowd(b, 10)))
	for _, q := range benchQuestions {
		b.Run(q.name, func(b *testing.B) {
			pkt := benchPacket(b, q.qtype, q.edns)
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				conn, err := net.Dial("udp", addr)
				if err != nil {
					b.Error(err)
					return
				}
				defer conn.Close()
				buf := make([]byte, 4096)
				for pb.Next() {
					if _, err := conn.Write(pkt); err != nil {
						b.Error(err)
						return
					}
					if _, err := conn.Read(buf); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
