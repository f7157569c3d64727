//go:build !linux

package dnsserver

import "net"

const maxControl = 0

// reportLocal and answerFrom are for Linux. Elsewhere the system chooses the
// address that answers come from: listen on single addresses where it matters.
func reportLocal(*net.UDPConn) bool { return false }

func answerFrom([]byte) []byte { return nil }
