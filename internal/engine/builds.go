package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// BuildKit's control service as the daemon offers it on /grpc (moby/buildkit api/services/control/control.proto). Its generated code would bring all of BuildKit along, so the
// two small messages are read by their field numbers.
const (
	listenHistory = "/moby.buildkit.v1.Control/ListenBuildHistory" // since BuildKit 0.11
	diskUsage     = "/moby.buildkit.v1.Control/DiskUsage"

	historyActiveOnly protowire.Number = 1 // BuildHistoryRequest.ActiveOnly
	historyEarlyExit  protowire.Number = 3 // BuildHistoryRequest.EarlyExit: do not wait for further events
	historyType       protowire.Number = 1 // BuildHistoryEvent.type; STARTED is 0, the default, and not written
	usageRecord       protowire.Number = 1 // DiskUsageResponse.record
	recordInUse       protowire.Number = 3 // UsageRecord.InUse
)

// Builds asks the BuildKit inside the daemon: its history for the builds that have not ended, or, where it keeps none, whether a record of the build cache is in use, which is so
// during a build only. The error says that the daemon's BuildKit cannot be asked.
func (a api) Builds(ctx context.Context) (Builds, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///docker", grpc.WithTransportCredentials(insecure.NewCredentials()), // what protects the connection is around it
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return a.client.DialHijack(ctx, "/grpc", "h2c", nil)
		}))
	if err != nil {
		return Builds{}, fmt.Errorf("asking BuildKit: %w", err)
	}
	defer func() { _ = conn.Close() }() // everything was read
	request := protowire.AppendVarint(protowire.AppendTag(nil, historyActiveOnly, protowire.VarintType), 1)
	request = protowire.AppendVarint(protowire.AppendTag(request, historyEarlyExit, protowire.VarintType), 1)
	events, err := ask(ctx, conn, listenHistory, request)
	if err == nil {
		out := Builds{Exact: true}
		for _, e := range events {
			if kind, known := number(e, historyType); known && kind == 0 {
				out.Running++
			}
		}
		return out, nil
	}
	if status.Code(err) != codes.Unimplemented {
		return Builds{}, fmt.Errorf("asking BuildKit for its builds: %w", err)
	}
	usage, err := ask(ctx, conn, diskUsage, nil)
	if err != nil {
		return Builds{}, fmt.Errorf("asking BuildKit for its cache: %w", err)
	}
	for _, u := range usage {
		if anyInUse(u) {
			return Builds{Running: 1}, nil
		}
	}
	return Builds{}, nil
}

// ask sends one message and returns all that come back.
func ask(ctx context.Context, conn *grpc.ClientConn, method string, request []byte) ([][]byte, error) {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodec(raw{}))
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(&request); err != nil && !errors.Is(err, io.EOF) { // io.EOF: RecvMsg knows why
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var out [][]byte
	for {
		var message []byte
		switch err := stream.RecvMsg(&message); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		out = append(out, message)
	}
}

// raw hands messages through as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("no bytes but %T", v)
	}
	return *b, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("no bytes but %T", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

// Name is the content type's suffix, for which servers look.
func (raw) Name() string { return "proto" }

// number returns a message's integer field, 0 when it is not there; known is false when the bytes are no message.
func number(message []byte, field protowire.Number) (n uint64, known bool) {
	ok := eachField(message, func(num protowire.Number, typ protowire.Type, value []byte) {
		if num == field && typ == protowire.VarintType {
			n, _ = protowire.ConsumeVarint(value)
		}
	})
	return n, ok
}

func anyInUse(usage []byte) bool {
	found := false
	eachField(usage, func(num protowire.Number, typ protowire.Type, value []byte) {
		if num != usageRecord || typ != protowire.BytesType {
			return
		}
		record, _ := protowire.ConsumeBytes(value)
		if n, _ := number(record, recordInUse); n == 1 {
			found = true
		}
	})
	return found
}

// eachField calls f for every field of a message, with the encoded value; false when the bytes are no message.
func eachField(message []byte, f func(num protowire.Number, typ protowire.Type, value []byte)) bool {
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(num, typ, message); n < 0 {
			return false
		}
		f(num, typ, message[:n])
		message = message[n:]
	}
	return true
}
