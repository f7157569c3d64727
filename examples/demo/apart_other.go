//go:build !unix

package main

import "syscall"

// apart leaves the children as they are.
func apart() *syscall.SysProcAttr { return nil }
