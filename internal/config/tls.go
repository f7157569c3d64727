package config

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// HasCertificate reports whether the door has a certificate to show.
func (d TLSDoor) HasCertificate() bool { return d.CertFile != "" && d.KeyFile != "" }

// HasCA reports whether the door knows whose certificates to trust.
func (d TLSDoor) HasCA() bool { return d.CAFile != "" || d.CAPath != "" }

// MinTLSVersion is the lowest version the door speaks, as crypto/tls numbers
// them. It is an error if MinVersion is no version.
func (d TLSDoor) MinTLSVersion() (uint16, error) {
	switch d.MinVersion {
	case "", "TLS_AUTO", "TLSv1_2", "tls12":
		return tls.VersionTLS12, nil
	case "TLSv1_0", "tls10":
		return tls.VersionTLS10, nil
	case "TLSv1_1", "tls11":
		return tls.VersionTLS11, nil
	case "TLSv1_3", "tls13":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("is %q: use TLSv1_0, TLSv1_1, TLSv1_2, TLSv1_3 or TLS_AUTO", clip(d.MinVersion))
}

// Ciphers are the suites the door offers below TLS 1.3, as crypto/tls numbers
// them; nil means the library's choice. It is an error if CipherSuites names
// one that is unknown.
func (d TLSDoor) Ciphers() ([]uint16, error) {
	if d.CipherSuites == "" {
		return nil, nil
	}
	known := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	var ids []uint16
next:
	for name := range strings.SplitSeq(d.CipherSuites, ",") {
		name = strings.TrimSpace(name)
		for _, s := range known {
			if s.Name == name {
				ids = append(ids, s.ID)
				continue next
			}
		}
		return nil, fmt.Errorf("has %q, which is no known cipher suite", clip(name))
	}
	return ids, nil
}

// inheritTLS gives each door what it leaves out from the defaults.
func (l *loader) inheritTLS() {
	for _, e := range table().entries {
		for _, door := range []string{"tls.internal_rpc.", "tls.https."} {
			name, ok := strings.CutPrefix(e.path, door)
			if !ok || l.given(e.path) {
				continue
			}
			from := table().byPath["tls.defaults."+name]
			switch dst := e.of(l.c).(type) {
			case *string:
				*dst = *from.of(l.c).(*string)
			case *bool:
				*dst = *from.of(l.c).(*bool)
			}
			if at, ok := l.set[from.path]; ok {
				l.set[e.path] = at
			}
		}
	}
}

// validateTLS refuses settings that could never work. Whether the files can be
// read is found out by whoever opens them.
func (l *loader) validateTLS() error {
	for _, d := range []struct {
		path string
		door TLSDoor
	}{
		{"tls.internal_rpc", l.c.TLS.InternalRPC},
		{"tls.https", l.c.TLS.HTTPS},
	} {
		if _, err := d.door.MinTLSVersion(); err != nil {
			return l.fault(d.path+".tls_min_version", "%w", err)
		}
		if _, err := d.door.Ciphers(); err != nil {
			return l.fault(d.path+".tls_cipher_suites", "%w", err)
		}
		switch {
		case d.door.CertFile != "" && d.door.KeyFile == "":
			return l.fault(d.path+".cert_file", "is given without its key: add key_file")
		case d.door.KeyFile != "" && d.door.CertFile == "":
			return l.fault(d.path+".key_file", "is given without its certificate: add cert_file")
		case d.door.VerifyIncoming && !d.door.HasCA():
			return l.fault(d.path+".verify_incoming", "needs certificates to trust: add ca_file or ca_path")
		case d.door.VerifyIncoming && !d.door.HasCertificate():
			return l.fault(d.path+".verify_incoming", "needs a certificate of this server: add cert_file and key_file")
		}
	}
	out := l.c.TLS.InternalRPC
	if (out.VerifyOutgoing || out.VerifyServerHostname) && !out.HasCA() {
		return l.fault("tls.internal_rpc.verify_outgoing", "needs certificates to trust: add ca_file or ca_path")
	}
	if l.c.Ports.HTTPS >= 0 && !l.c.TLS.HTTPS.HasCertificate() {
		l.warn("https", "ports.https has no effect: HTTPS needs cert_file and key_file")
	}
	return nil
}
