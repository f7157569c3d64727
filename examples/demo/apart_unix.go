//go:build unix

package main

import "syscall"

// apart keeps the terminal's Ctrl-C from the children, so that the demo stops
// them in its own order.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
