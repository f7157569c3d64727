//go:build !unix

package main

import "os/exec"

// ownGroup does nothing where there are no process groups.
func ownGroup(*exec.Cmd) {}

// terminate ends the command, since it cannot be asked.
func terminate(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// kill ends the command.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// shell is how to run a line of shell.
func shell(line string) []string { return []string{"cmd", "/C", line} }

// codeOf is the exit code of the command.
func codeOf(e *exec.ExitError) int { return e.ExitCode() }
