package store

// CA is the certificate authority: one root, made once.
type CA struct {
	ID          string // of the root, a fingerprint
	TrustDomain string // such as "<uuid>.consul"
	Cert        []byte // the root certificate, PEM
	Key         []byte // its private key, PEM
	CreateIndex uint64
	ModifyIndex uint64
}

// SetCA installs the certificate authority unless there is one: the Result is
// then not OK.
type SetCA struct {
	CA CA
}

// CA returns the certificate authority, nil if there is none yet. Its index and
// watch are those of TableCA.
func (s *State) CA() *CA { return s.misc.ca }

func (*SetCA) kind() byte { return kindCA }

func (c *SetCA) apply(d *draft) Result {
	if d.next.misc.ca != nil {
		return Result{}
	}
	ca := c.CA
	ca.CreateIndex, ca.ModifyIndex = d.index, d.index
	d.next.misc.ca = &ca
	d.touch(TableCA)
	d.records.put(bucketMisc, miscCA, &ca)
	return done
}

func (c *SetCA) appendTo(b []byte) []byte { return appendCA(b, &c.CA) }

func decodeSetCA(b []byte) (Command, error) {
	c := &SetCA{}
	return c, decodeCA(b, &c.CA)
}

func appendCA(b []byte, c *CA) []byte {
	b = putString(b, 1, c.ID)
	b = putString(b, 2, c.TrustDomain)
	b = putBytes(b, 3, c.Cert)
	b = putBytes(b, 4, c.Key)
	b = putUint(b, 5, c.CreateIndex)
	return putUint(b, 6, c.ModifyIndex)
}

func decodeCA(b []byte, c *CA) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.ID = f.str()
		case 2:
			c.TrustDomain = f.str()
		case 3:
			c.Cert = append([]byte(nil), f.bytes...)
		case 4:
			c.Key = append([]byte(nil), f.bytes...)
		case 5:
			c.CreateIndex = f.u
		case 6:
			c.ModifyIndex = f.u
		}
		return nil
	})
}
