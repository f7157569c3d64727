package config

const maxPort = 65535

// validatePorts refuses impossible ports, and doors that would take each
// other's.
func (l *loader) validatePorts() error {
	p := l.c.Ports
	for _, port := range []struct {
		key   string
		value int
	}{
		{"ports.http", p.HTTP},
		{"ports.https", p.HTTPS},
		{"ports.dns", p.DNS},
		{"ports.server", p.Server},
		{"ports.serf_lan", p.SerfLAN},
		{"ports.serf_wan", p.SerfWAN},
		{"ports.grpc", p.GRPC},
		{"ports.grpc_tls", p.GRPCTLS},
	} {
		if port.value < -1 || port.value > maxPort {
			return l.fault(port.key, "is %d: use 1 to %d, 0 for any free port, or -1 for none", port.value, maxPort)
		}
	}
	if p.Server < 0 {
		return l.fault("ports.server", "is off: servers reach each other through it, so give it a port")
	}
	return l.validateDoors()
}

// validateDoors refuses two doors with one address. DNS counts for its TCP
// side.
func (l *loader) validateDoors() error {
	c := l.c
	taken := map[string]string{}
	for _, door := range []struct {
		key   string
		port  int
		addrs []string
	}{
		{"ports.server", c.Ports.Server, []string{c.ServerAddr()}},
		{"ports.serf_lan", c.Ports.SerfLAN, []string{c.SerfLANAddr()}},
		{"ports.http", c.Ports.HTTP, c.HTTPAddrs()},
		{"ports.https", c.Ports.HTTPS, c.HTTPSAddrs()},
		{"ports.dns", c.Ports.DNS, c.DNSAddrs()},
	} {
		if door.port <= 0 {
			continue
		}
		for _, a := range door.addrs {
			if other, ok := taken[a]; ok && other != door.key {
				return l.fault(door.key, "takes %s, which %s has already: choose another port", a, other)
			}
			taken[a] = door.key
		}
	}
	return nil
}
