package store

import "github.com/registryd/registryd/pkg/api"

func appendVerdict(b []byte, v *api.CheckVerdict) []byte {
	b = putInt(b, 1, v.CriticalSince)
	b = putInt(b, 2, v.DeregisterAt)
	for _, vote := range v.Votes {
		b = putMessage(b, 3, func(b []byte) []byte { return putString(putString(b, 1, vote.Server), 2, vote.Status) })
	}
	return b
}

func decodeVerdict(b []byte) (*api.CheckVerdict, error) {
	v := &api.CheckVerdict{}
	return v, fields(b, func(f field) error {
		switch f.num {
		case 1:
			v.CriticalSince = f.int()
		case 2:
			v.DeregisterAt = f.int()
		case 3:
			var vote api.CheckVote
			err := texts(f.bytes, &vote.Server, &vote.Status)
			vote.Status = sharedStatus(vote.Status)
			v.Votes = append(v.Votes, vote)
			return err
		}
		return nil
	})
}
