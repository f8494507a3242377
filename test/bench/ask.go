package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// askWord is the argument by which this program asks a daemon inside the host.
const askWord = "ask"

// questions are requests to a daemon, each put so many times.
type questions struct {
	Socket string
	Times  int
	List   []question
}

type question struct{ Method, Path string }

// ask reads questions and writes how long each took, the median of all its times. They are put one after the other over one connection.
func ask(ctx context.Context, in io.Reader, out io.Writer) error {
	var q questions
	if err := json.NewDecoder(in).Decode(&q); err != nil {
		return fmt.Errorf("reading the questions: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", q.Socket)
	}}}
	defer client.CloseIdleConnections()
	answers := make([]time.Duration, 0, len(q.List))
	for _, one := range q.List {
		took := make([]time.Duration, 0, q.Times)
		for range q.Times {
			d, err := one.put(ctx, client)
			if err != nil {
				return err
			}
			took = append(took, d)
		}
		answers = append(answers, median(took))
	}
	return json.NewEncoder(out).Encode(answers)
}

// put asks once.
func (q question) put(ctx context.Context, client *http.Client) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, q.Method, "http://docker"+q.Path, nil)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s %s: %s", q.Method, q.Path, answer.Status)
	}
	return time.Since(begun), nil
}
