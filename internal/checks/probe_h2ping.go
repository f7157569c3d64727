package checks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/registryd/registryd/pkg/api"
)

// probeH2Ping is passing when the peer speaks HTTP/2 and answers a PING frame.
func (p *prober) probeH2Ping(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	conn, err := p.dial(ctx, def.H2PING, def.H2PingUseTLS, def, "h2")
	if err != nil {
		return api.Critical, fmt.Sprintf("Failed to dial to %s: %s", def.H2PING, err)
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	if err := h2Ping(conn); err != nil {
		return api.Critical, fmt.Sprintf("HTTP2 ping failed: %s", err)
	}
	return api.Passing, "HTTP2 ping was successful"
}

// What a ping needs of HTTP/2 (RFC 9113): the client's opening words, three
// frame types and one flag. net/http has no way to send a ping by itself.
const (
	h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	h2Settings = 4
	h2PingType = 6
	h2GoAway   = 7

	h2Ack = 1

	h2FrameMax = 16 << 10 // the most a peer may send unasked, in bytes
)

// h2Ping opens an HTTP/2 session on conn and waits for the answer to a PING.
func h2Ping(conn net.Conn) error {
	payload := []byte("registry")
	hello := []byte(h2Preface)
	hello = appendFrame(hello, h2Settings, 0, nil)
	hello = appendFrame(hello, h2PingType, 0, payload)
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	for {
		kind, flags, body, err := readFrame(conn)
		switch {
		case err != nil:
			return err
		case kind == h2PingType && flags&h2Ack != 0 && string(body) == string(payload):
			return nil
		case kind == h2Settings && flags&h2Ack == 0:
			if _, err := conn.Write(appendFrame(nil, h2Settings, h2Ack, nil)); err != nil {
				return err
			}
		case kind == h2GoAway:
			return errors.New("the peer ended the session")
		}
	}
}

// appendFrame appends a frame of stream 0: length, type, flags, stream, body.
func appendFrame(b []byte, kind, flags byte, body []byte) []byte {
	n := len(body)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags, 0, 0, 0, 0)
	return append(b, body...)
}

// readFrame reads the next frame.
func readFrame(r io.Reader) (kind, flags byte, body []byte, err error) {
	var header [9]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[:4]) >> 8
	if length > h2FrameMax {
		return 0, 0, nil, errors.New("the peer does not speak HTTP/2")
	}
	body = make([]byte, length)
	_, err = io.ReadFull(r, body)
	return header[3], header[4], body, err
}
