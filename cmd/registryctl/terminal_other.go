//go:build !unix

package main

import "os"

// terminalWidth takes nothing for a terminal where there is no way to ask.
func terminalWidth(*os.File) (width int, ok bool) { return 0, false }

// terminalHeight is unknown there.
func terminalHeight(*os.File) int { return 0 }
