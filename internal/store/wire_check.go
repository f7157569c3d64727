package store

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/registryd/registryd/pkg/api"
)

func appendCheck(b []byte, c *api.Check) []byte {
	b = putString(b, 1, c.Node)
	b = putString(b, 2, c.CheckID)
	b = putString(b, 3, c.Name)
	b = putString(b, 4, c.Status)
	b = putString(b, 5, c.Notes)
	b = putString(b, 6, c.Output)
	b = putString(b, 7, c.ServiceID)
	b = putString(b, 8, c.ServiceName)
	b = putStrings(b, 9, c.ServiceTags)
	b = putString(b, 10, c.Type)
	b = putString(b, 11, c.Interval)
	b = putString(b, 12, c.Timeout)
	b = putInt(b, 13, int64(c.ExposedPort))
	b = putDefinition(b, 14, c.Definition)
	b = putDefinition(b, 15, c.Probe)
	b = putUint(b, 16, c.CreateIndex)
	b = putUint(b, 17, c.ModifyIndex)
	if c.Verdict != nil {
		b = putMessage(b, 18, func(b []byte) []byte { return appendVerdict(b, c.Verdict) })
	}
	return b
}

func decodeCheck(b []byte) (*api.Check, error) {
	c := &api.Check{}
	return c, fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			c.Node = f.str()
		case 2:
			c.CheckID = f.str()
		case 3:
			c.Name = f.str()
		case 4:
			c.Status = f.str()
		case 5:
			c.Notes = f.str()
		case 6:
			c.Output = f.str()
		case 7:
			c.ServiceID = f.str()
		case 8:
			c.ServiceName = f.str()
		case 9:
			c.ServiceTags = addString(c.ServiceTags, f)
		case 10:
			c.Type = f.str()
		case 11:
			c.Interval = f.str()
		case 12:
			c.Timeout = f.str()
		case 13:
			c.ExposedPort = int(f.int())
		case 14:
			c.Definition, err = decodeDefinition(f.bytes)
		case 15:
			c.Probe, err = decodeDefinition(f.bytes)
		case 16:
			c.CreateIndex = f.u
		case 17:
			c.ModifyIndex = f.u
		case 18:
			c.Verdict, err = decodeVerdict(f.bytes)
		}
		return err
	})
}

func putDefinition(b []byte, n protowire.Number, d *api.CheckDefinition) []byte {
	if d == nil {
		return b
	}
	return putMessage(b, n, func(b []byte) []byte { return appendDefinition(b, d) })
}

func appendDefinition(b []byte, d *api.CheckDefinition) []byte {
	b = putString(b, 1, d.HTTP)
	b = putString(b, 2, d.Method)
	b = putMap(b, 3, d.Header, func(b []byte, v []string) []byte { return putStrings(b, 2, v) })
	b = putString(b, 4, d.Body)
	b = putBool(b, 5, d.DisableRedirects)
	b = putString(b, 6, d.TLSServerName)
	b = putBool(b, 7, d.TLSSkipVerify)
	b = putString(b, 8, d.TCP)
	b = putBool(b, 9, d.TCPUseTLS)
	b = putString(b, 10, d.UDP)
	b = putString(b, 11, d.GRPC)
	b = putBool(b, 12, d.GRPCUseTLS)
	b = putString(b, 13, d.H2PING)
	b = putBool(b, 14, d.H2PingUseTLS)
	b = putStrings(b, 15, d.Args)
	b = putString(b, 16, d.DockerContainerID)
	b = putString(b, 17, d.Shell)
	b = putString(b, 18, d.OSService)
	b = putString(b, 19, d.AliasNode)
	b = putString(b, 20, d.AliasService)
	b = putInt(b, 21, int64(d.TTL))
	b = putInt(b, 22, int64(d.Interval))
	b = putInt(b, 23, int64(d.Timeout))
	b = putInt(b, 24, int64(d.SuccessBeforePassing))
	b = putInt(b, 25, int64(d.FailuresBeforeWarning))
	b = putInt(b, 26, int64(d.FailuresBeforeCritical))
	b = putInt(b, 27, int64(d.DeregisterCriticalServiceAfter))
	b = putInt(b, 28, int64(d.OutputMaxSize))
	return putInt(b, 29, int64(d.Observers))
}

func decodeDefinition(b []byte) (*api.CheckDefinition, error) {
	d := &api.CheckDefinition{}
	text := map[protowire.Number]*string{
		1: &d.HTTP, 2: &d.Method, 4: &d.Body, 6: &d.TLSServerName, 8: &d.TCP, 10: &d.UDP, 11: &d.GRPC, 13: &d.H2PING,
		16: &d.DockerContainerID, 17: &d.Shell, 18: &d.OSService, 19: &d.AliasNode, 20: &d.AliasService,
	}
	return d, fields(b, func(f field) (err error) {
		if p := text[f.num]; p != nil {
			*p = f.str()
			return nil
		}
		switch f.num {
		case 3:
			d.Header, err = addEntry(d.Header, f, func(v *[]string, g field) error { *v = addString(*v, g); return nil })
		case 5:
			d.DisableRedirects = f.bool()
		case 7:
			d.TLSSkipVerify = f.bool()
		case 9:
			d.TCPUseTLS = f.bool()
		case 12:
			d.GRPCUseTLS = f.bool()
		case 14:
			d.H2PingUseTLS = f.bool()
		case 15:
			d.Args = addString(d.Args, f)
		case 21:
			d.TTL = api.Duration(f.int())
		case 22:
			d.Interval = api.Duration(f.int())
		case 23:
			d.Timeout = api.Duration(f.int())
		case 24:
			d.SuccessBeforePassing = int(f.int())
		case 25:
			d.FailuresBeforeWarning = int(f.int())
		case 26:
			d.FailuresBeforeCritical = int(f.int())
		case 27:
			d.DeregisterCriticalServiceAfter = api.Duration(f.int())
		case 28:
			d.OutputMaxSize = int(f.int())
		case 29:
			d.Observers = int(f.int())
		}
		return err
	})
}
