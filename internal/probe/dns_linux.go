package probe

import (
	"context"
	"math/rand/v2"
	"net"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsTime is how long one question to a name server may take.
const dnsTime = 3 * time.Second

// ask asks the namespace's name servers for the addresses of a full name ("host.corp."). net.Resolver will not do: it reads this machine's own hosts file first.
func (n *Network) ask(ctx context.Context, full string) ([]string, error) {
	name, err := dnsmessage.NewName(full)
	if err != nil {
		return nil, &net.DNSError{Err: "no such host", Name: full, IsNotFound: true}
	}
	var last error
	for _, server := range n.servers {
		var out []string
		answered := false
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			found, err := n.query(ctx, server, name, kind)
			if err != nil {
				last = err
				continue
			}
			answered = true
			out = append(out, found...)
		}
		if len(out) > 0 {
			return out, nil
		}
		if answered {
			return nil, &net.DNSError{Err: "no such host", Name: full, Server: server, IsNotFound: true}
		}
	}
	return nil, &net.DNSError{Err: "no name server answers: " + last.Error(), Name: full, IsTimeout: true}
}

// query sends one question (RFC 1035) and returns the addresses in the answer, whatever names they belong to: a server follows aliases itself.
func (n *Network) query(ctx context.Context, server string, name dnsmessage.Name, kind dnsmessage.Type) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTime)
	defer cancel()
	id := uint16(rand.N(1 << 16)) //nolint:gosec // tells answers of one socket apart, no more
	question := dnsmessage.Message{Header: dnsmessage.Header{ID: id, RecursionDesired: true}, Questions: []dnsmessage.Question{{Name: name, Type: kind, Class: dnsmessage.ClassINET}}}
	packet, err := question.Pack()
	if err != nil {
		return nil, err
	}
	conn, err := n.Dial(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was promised
	defer guard(ctx, conn, dnsTime)()
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	buffer := make([]byte, 4096)
	for {
		size, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		var answer dnsmessage.Message
		if answer.Unpack(buffer[:size]) != nil || answer.ID != id || !answer.Response {
			continue // somebody else's, or nonsense
		}
		return addressesIn(answer), nil
	}
}

func addressesIn(m dnsmessage.Message) []string {
	var out []string
	for _, r := range m.Answers {
		switch b := r.Body.(type) {
		case *dnsmessage.AResource:
			out = append(out, net.IP(b.A[:]).String())
		case *dnsmessage.AAAAResource:
			out = append(out, net.IP(b.AAAA[:]).String())
		}
	}
	return out
}
