//go:build linux

package hosts

import (
	"encoding/json"
	"os"
	"testing"
)

// Status is how a suite fared on a host.
type Status string

// The statuses of the result table.
const (
	Ran          Status = "run"
	Failed       Status = "failed"
	NotAvailable Status = "not available" // the host could not be made or booted
	// NotApplicable is what a suite records for a host it has no business on,
	// with the reason; every other gap in the table is a fault.
	NotApplicable Status = "not applicable"
)

// ResultsVariable names the environment variable that names the file results
// are appended to, one JSON object a line; without it they are only logged.
const ResultsVariable = "DOCKER_PROXY_RESULTS"

// An Entry is one line of the results file.
type Entry struct {
	Host   string `json:"host"`
	Suite  string `json:"suite"`
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// Record notes that the suite t, by its name up to the first slash, fared so
// on a host.
func Record(t testing.TB, host string, status Status, reason string) {
	t.Helper()
	entry := Entry{Host: host, Suite: suite(t.Name()), Status: status, Reason: reason}
	t.Logf("host %s: suite %s: %s %s", entry.Host, entry.Suite, entry.Status, entry.Reason)
	path := os.Getenv(ResultsVariable)
	if path == "" {
		return
	}
	line, err := json.Marshal(entry)
	if err != nil {
		t.Errorf("recording a result: %v", err)
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Errorf("recording a result: %v", err)
		return
	}
	// One write, so that lines of parallel suites do not mix.
	_, err = file.Write(append(line, '\n'))
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		t.Errorf("recording a result: %v", err)
	}
}

// RecordAtEnd records, when t ends, whether its suite ran or failed on the
// host. A suite calls it first, before [Boot].
func RecordAtEnd(t testing.TB, host string) {
	t.Helper()
	t.Cleanup(func() {
		switch {
		case t.Failed():
			Record(t, host, Failed, "see the output of "+t.Name())
		case !t.Skipped(): // Boot recorded why
			Record(t, host, Ran, "")
		}
	})
}

func suite(test string) string {
	for i, r := range test {
		if r == '/' {
			return test[:i]
		}
	}
	return test
}
