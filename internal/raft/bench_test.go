package raft

import (
	"context"
	"fmt"
	"net"
	"testing"
)

func benchNode(b *testing.B) *Node {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	fsm, err := openMapFSM(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	n, err := Open(Config{ID: "a", Dir: b.TempDir(), Listener: l, BootstrapExpect: 1}, fsm)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Close() })
	if err := n.ReadIndex(b.Context(), Consistent); err != nil {
		b.Fatal(err)
	}
	return n
}

func BenchmarkApply(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			n := benchNode(b)
			cmd := []byte("key=" + fmt.Sprintf("%0300d", 1))
			b.SetParallelism((clients + 1) / 2)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, _, err := n.Apply(context.Background(), cmd); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkReadIndexOneServer(b *testing.B) {
	n := benchNode(b)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if err := n.ReadIndex(context.Background(), Default); err != nil {
			b.Fatal(err)
		}
	}
}
