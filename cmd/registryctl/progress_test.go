package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	now := time.Now()
	var out bytes.Buffer
	p := &progress{w: &out, now: func() time.Time { return now }, next: now.Add(progressAfter)}
	r := p.reading(strings.NewReader(strings.Repeat("x", 4096)), "restoring", 4096)
	half := make([]byte, 2048)
	_, err := r.Read(half)
	require.NoError(t, err)
	require.Empty(t, out.String(), "too early")
	now = now.Add(2 * time.Second)
	_, err = r.Read(half[:1024])
	require.NoError(t, err)
	require.Equal(t, "\rrestoring: 3.0 KiB of 4.0 KiB (75 %)\x1b[K", out.String())
	_, err = r.(io.Seeker).Seek(0, io.SeekStart)
	require.NoError(t, err)
	now = now.Add(time.Second)
	_, err = r.Read(half)
	require.NoError(t, err)
	require.Contains(t, out.String(), "(50 %)")
	p.done()
	require.True(t, strings.HasSuffix(out.String(), "\r\x1b[K"))
}

func TestProgressIsForTerminals(t *testing.T) {
	var out bytes.Buffer
	p := (&tool{err: &out}).progress()
	p.next = time.Time{}
	p.at("half")
	p.done()
	require.Empty(t, out.String())
	_, seeks := p.reading(io.LimitReader(strings.NewReader("x"), 1), "", 0).(io.Seeker)
	require.False(t, seeks, "what cannot seek must not say so")
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 29: "1.5 GiB"} {
		require.Equal(t, want, bytesText(n))
	}
}
