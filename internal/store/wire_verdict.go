package store

import "github.com/registryd/registryd/pkg/api"

func appendVerdict(b []byte, v *api.CheckVerdict) []byte {
	b = putInt(b, 1, v.CriticalSince)
	return putInt(b, 2, v.DeregisterAt)
}

func decodeVerdict(b []byte) (*api.CheckVerdict, error) {
	v := &api.CheckVerdict{}
	return v, fields(b, func(f field) error {
		switch f.num {
		case 1:
			v.CriticalSince = f.int()
		case 2:
			v.DeregisterAt = f.int()
		}
		return nil
	})
}
