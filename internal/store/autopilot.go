package store

import "github.com/registryd/registryd/pkg/api"

// SetAutopilot replaces the autopilot configuration. With CAS that happens only
// if Config.ModifyIndex is the present one (0: there is none yet); otherwise
// the Result is not OK.
type SetAutopilot struct {
	CAS    bool
	Config api.AutopilotConfig
}

// Autopilot returns the autopilot configuration, nil if none was ever set. Its
// index and watch are those of TableAutopilot.
func (s *State) Autopilot() *api.AutopilotConfig { return s.misc.autopilot }

func (*SetAutopilot) kind() byte { return kindAutopilot }

func (c *SetAutopilot) apply(d *draft) Result {
	old := d.next.misc.autopilot
	var have uint64
	a := c.Config
	a.CreateIndex, a.ModifyIndex = d.index, d.index
	if old != nil {
		have, a.CreateIndex = old.ModifyIndex, old.CreateIndex
	}
	if c.CAS && have != c.Config.ModifyIndex {
		return Result{}
	}
	if old != nil {
		same := a
		same.ModifyIndex = old.ModifyIndex
		if same == *old {
			return done
		}
	}
	d.next.misc.autopilot = &a
	d.touch(TableAutopilot)
	d.records.put(bucketMisc, miscAutopilot, &a)
	return done
}

func (c *SetAutopilot) appendTo(b []byte) []byte {
	b = putBool(b, 1, c.CAS)
	return putMessage(b, 2, func(b []byte) []byte { return appendAutopilot(b, &c.Config) })
}

func decodeSetAutopilot(b []byte) (Command, error) {
	c := &SetAutopilot{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.CAS = f.bool()
		case 2:
			return decodeAutopilot(f.bytes, &c.Config)
		}
		return nil
	})
}

func appendAutopilot(b []byte, a *api.AutopilotConfig) []byte {
	b = putBool(b, 1, a.CleanupDeadServers)
	b = putInt(b, 2, int64(a.LastContactThreshold))
	b = putUint(b, 3, a.MaxTrailingLogs)
	b = putUint(b, 4, uint64(a.MinQuorum))
	b = putInt(b, 5, int64(a.ServerStabilizationTime))
	b = putString(b, 6, a.RedundancyZoneTag)
	b = putBool(b, 7, a.DisableUpgradeMigration)
	b = putString(b, 8, a.UpgradeVersionTag)
	b = putUint(b, 9, a.CreateIndex)
	return putUint(b, 10, a.ModifyIndex)
}

func decodeAutopilot(b []byte, a *api.AutopilotConfig) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			a.CleanupDeadServers = f.bool()
		case 2:
			a.LastContactThreshold = api.Duration(f.int())
		case 3:
			a.MaxTrailingLogs = f.u
		case 4:
			a.MinQuorum = uint(f.u)
		case 5:
			a.ServerStabilizationTime = api.Duration(f.int())
		case 6:
			a.RedundancyZoneTag = f.str()
		case 7:
			a.DisableUpgradeMigration = f.bool()
		case 8:
			a.UpgradeVersionTag = f.str()
		case 9:
			a.CreateIndex = f.u
		case 10:
			a.ModifyIndex = f.u
		}
		return nil
	})
}
