package checks

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// probeGRPC asks a server about itself or one of its services (host:port or
// host:port/service) by the standard health protocol, grpc.health.v1. One
// message of one field each way needs no gRPC library: a call is an HTTP/2 POST
// whose body is length-prefixed protobuf and whose outcome is in the trailer.
func (p *prober) probeGRPC(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	if err := p.grpcHealth(ctx, def); err != nil {
		return failed(fmt.Errorf("gRPC check %s: %w", def.GRPC, err))
	}
	return api.Passing, fmt.Sprintf("gRPC check %s: success", def.GRPC)
}

func (p *prober) grpcHealth(ctx context.Context, def *api.CheckDefinition) error {
	addr, service, _ := strings.Cut(def.GRPC, "/")
	transport := p.transport(def)
	transport.Proxy = nil
	transport.Protocols = new(http.Protocols)
	scheme := "http"
	if def.GRPCUseTLS {
		scheme = "https"
		transport.TLSClientConfig = p.tls(def)
		transport.Protocols.SetHTTP2(true)
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	defer transport.CloseIdleConnections()

	u := url.URL{Scheme: scheme, Host: addr, Path: "/grpc.health.v1.Health/Check"}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(healthRequest(service)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	req.Header.Set("User-Agent", UserAgent)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New("HTTP status " + resp.Status)
	}
	if err := grpcOutcome(resp); err != nil {
		return err
	}
	return healthResponse(body)
}

// grpcOutcome returns the error a call ended with. A call without a message has
// it in the header instead of the trailer.
func grpcOutcome(resp *http.Response) error {
	from := resp.Trailer
	if from.Get("Grpc-Status") == "" {
		from = resp.Header
	}
	switch code := from.Get("Grpc-Status"); code {
	case "0":
		return nil
	case "":
		return errors.New("the peer does not speak gRPC")
	case "5":
		return errors.New("the server does not know the service")
	case "12":
		return errors.New("the server does not implement the gRPC health protocol")
	default:
		msg, err := url.PathUnescape(from.Get("Grpc-Message"))
		if err != nil {
			msg = from.Get("Grpc-Message")
		}
		return fmt.Errorf("the call ended with code %s: %s", code, msg)
	}
}

// healthRequest encodes HealthCheckRequest{service = 1: string} with its gRPC
// prefix: a byte for "not compressed" and the length.
func healthRequest(service string) []byte {
	var msg []byte
	if service != "" {
		msg = append(msg, 1<<3|2)
		msg = binary.AppendUvarint(msg, uint64(len(service)))
		msg = append(msg, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg))), msg...)
}

// healthResponse decodes HealthCheckResponse{status = 1: enum} and returns nil
// for SERVING.
func healthResponse(body []byte) error {
	malformed := errors.New("the answer is no health response")
	if len(body) < 5 || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:])) != uint64(len(body)-5) {
		return malformed
	}
	var status uint64
	for msg := body[5:]; len(msg) > 0; {
		tag, n := binary.Uvarint(msg)
		if n <= 0 {
			return malformed
		}
		msg = msg[n:]
		value, n := binary.Uvarint(msg)
		if n <= 0 {
			return malformed
		}
		msg = msg[n:]
		switch tag & 7 {
		case 0: // a number
			if tag>>3 == 1 {
				status = value
			}
		case 2: // bytes of that length, of a field we do not know
			if value > uint64(len(msg)) {
				return malformed
			}
			msg = msg[value:]
		default:
			return malformed
		}
	}
	switch status {
	case 1:
		return nil
	case 2:
		return errors.New("not serving")
	}
	return errors.New("health unknown")
}
