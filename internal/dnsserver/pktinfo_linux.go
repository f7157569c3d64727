package dnsserver

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// maxControl has room for the control message that tells the local address of
// a packet, for either IP version.
const maxControl = 64

// reportLocal makes the socket tell with each packet which of our addresses it
// was sent to; false if it cannot.
func reportLocal(c *net.UDPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	done := false
	err = raw.Control(func(fd uintptr) {
		v6 := unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1) == nil
		v4 := !v6 && unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1) == nil
		done = v6 || v4
	})
	return err == nil && done
}

// answerFrom turns the control message of a packet, in place, into the one
// that sends the answer from the address it was sent to. The kernel uses the
// same form both ways; only the interface is given back to its choice, as the
// way back may be another one. Link-local addresses mean nothing without it
// and keep it.
func answerFrom(control []byte) []byte {
	const head = unix.SizeofCmsghdr
	if len(control) < head {
		return nil
	}
	level := binary.NativeEndian.Uint32(control[head-8:])
	kind := binary.NativeEndian.Uint32(control[head-4:])
	data := control[head:]
	switch {
	case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		clear(data[:4])
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		if data[0] != 0xfe || data[1]&0xc0 != 0x80 {
			clear(data[16:20])
		}
	default:
		return nil
	}
	return control
}
