package checks

import "golang.org/x/sys/unix"

// awaitExit returns true when the child has ended, and leaves it to be waited
// for: until then neither its process ID nor that of its group is used again.
// It occupies a thread, as waiting for a child does.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
