package balance

import (
	"strconv"
	"testing"

	"github.com/registryd/registryd/pkg/api"
)

// BenchmarkPick is one Pick and its Report, at 10 and 1000 instances with
// different weights, alone and from all processors.
func BenchmarkPick(b *testing.B) {
	for _, p := range Policies() {
		for _, n := range []int{10, 1000} {
			list := entries(n)
			for i, x := range list {
				x.Service.Weights = &api.Weights{Passing: 1 + i%7}
			}
			name := p.String() + "/" + strconv.Itoa(n)
			b.Run(name, func(b *testing.B) {
				bal := openOn(b, newFakeRegistry(list...), WithPolicy(p))
				ctx := b.Context()
				counts(b, bal, 1)
				b.ReportAllocs()
				for b.Loop() {
					_, done, _ := bal.Pick(ctx)
					done.Report(nil)
				}
			})
			b.Run(name+"/parallel", func(b *testing.B) {
				bal := openOn(b, newFakeRegistry(list...), WithPolicy(p))
				ctx := b.Context()
				counts(b, bal, 1)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						_, done, _ := bal.Pick(ctx)
						done.Report(nil)
					}
				})
			})
		}
	}
}

// BenchmarkPickLoaded keeps two requests on each instance under way, so that
// least requests has something to compare.
func BenchmarkPickLoaded(b *testing.B) {
	for _, p := range Policies() {
		b.Run(p.String(), func(b *testing.B) {
			bal := openOn(b, newFakeRegistry(entries(1000)...), WithPolicy(p))
			ctx := b.Context()
			var flight [2000]Done
			for i := range flight {
				_, flight[i], _ = bal.Pick(ctx)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				flight[i].Report(nil)
				_, flight[i], _ = bal.Pick(ctx)
				i = (i + 7) % len(flight)
			}
		})
	}
}

// BenchmarkUpdate is one change of state among 1000 instances.
func BenchmarkUpdate(b *testing.B) {
	for _, p := range Policies() {
		b.Run(p.String(), func(b *testing.B) {
			bal := openOn(b, newFakeRegistry(entries(1000)...), WithPolicy(p))
			counts(b, bal, 1)
			flip := false
			good, bad := entries(1000), entries(1000)
			bad[500] = entry("0500", status(api.Critical))
			b.ReportAllocs()
			for b.Loop() {
				if flip {
					bal.apply(good)
				} else {
					bal.apply(bad)
				}
				flip = !flip
			}
		})
	}
}
