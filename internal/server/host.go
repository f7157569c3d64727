package server

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Host implements httpapi.Agent: what is known of the machine. Sizes are
// bytes, times seconds.
func (s *Server) Host() any {
	name, _ := os.Hostname()
	up := uptime()
	return map[string]any{
		"Memory": memory(),
		"CPU":    cpus(),
		"Host": map[string]any{"hostname": name, "os": runtime.GOOS, "kernelArch": runtime.GOARCH, "uptime": up,
			"bootTime": time.Now().Unix() - int64(up), "procs": processes(), "platform": runtime.GOOS, "hostid": s.Config().NodeID},
		"Disk":           disk(s.Config().DataDir),
		"CollectionTime": time.Now().UnixNano(),
		"Errors":         nil,
	}
}

func disk(dir string) map[string]any {
	var f syscall.Statfs_t
	if err := syscall.Statfs(dir, &f); err != nil {
		return map[string]any{"path": dir}
	}
	size := uint64(f.Bsize)
	total, free := f.Blocks*size, f.Bavail*size
	used := total - f.Bfree*size
	d := map[string]any{"path": dir, "total": total, "free": free, "used": used, "inodesTotal": f.Files, "inodesFree": f.Ffree}
	if total > 0 {
		d["usedPercent"] = 100 * float64(used) / float64(total)
	}
	return d
}

// memory reads /proc/meminfo; empty where there is none.
func memory() map[string]any {
	m := map[string]any{}
	names := map[string]string{"MemTotal": "total", "MemAvailable": "available", "MemFree": "free", "Buffers": "buffers", "Cached": "cached", "SwapTotal": "swapTotal", "SwapFree": "swapFree"}
	for _, line := range lines("/proc/meminfo") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n := names[strings.TrimSuffix(f[0], ":")]; n != "" {
			kb, _ := strconv.ParseUint(f[1], 10, 64)
			m[n] = kb << 10
		}
	}
	return m
}

func cpus() []map[string]any {
	list := []map[string]any{}
	model := ""
	for _, line := range lines("/proc/cpuinfo") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			model = strings.TrimSpace(v)
		}
	}
	for i := range runtime.NumCPU() {
		list = append(list, map[string]any{"cpu": i, "modelName": model, "cores": 1})
	}
	return list
}

func uptime() uint64 {
	for _, line := range lines("/proc/uptime") {
		if f := strings.Fields(line); len(f) > 0 {
			s, _ := strconv.ParseFloat(f[0], 64)
			return uint64(s)
		}
	}
	return 0
}

func processes() int {
	n := 0
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			n++
		}
	}
	return n
}

func lines(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(string(b), "\n")
}
