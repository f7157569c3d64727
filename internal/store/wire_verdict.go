package store

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/registryd/registryd/pkg/api"
)

func appendVerdict(b []byte, v *api.CheckVerdict) []byte {
	b = putInt(b, 1, v.CriticalSince)
	b = putInt(b, 2, v.DeregisterAt)
	for _, vote := range v.Votes {
		b = putMessage(b, 3, func(b []byte) []byte { return putString(putString(b, 1, vote.Server), 2, vote.Status) })
	}
	b = putString(b, 4, v.Observed)
	b = putString(b, 5, v.Output)
	b = putInt(b, 6, v.HeldUntil)
	b = putInt(b, 7, v.GuardedUntil)
	for _, at := range v.Flips {
		b = protowire.AppendVarint(protowire.AppendTag(b, 8, protowire.VarintType), protowire.EncodeZigZag(at))
	}
	return putInt(b, 9, int64(v.Holds))
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
		case 4:
			v.Observed = sharedStatus(f.str())
		case 5:
			v.Output = f.str()
		case 6:
			v.HeldUntil = f.int()
		case 7:
			v.GuardedUntil = f.int()
		case 8:
			v.Flips = append(v.Flips, f.int())
		case 9:
			v.Holds = int(f.int())
		}
		return nil
	})
}
