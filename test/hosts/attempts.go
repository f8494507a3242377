//go:build linux

package hosts

import (
	"errors"
	"os"
	"strings"
	"time"
)

// A root that may be missing is tried so often, and then left alone for a
// while: each of the many suites on it would try for minutes once more.
const (
	maxAttempts  = 2
	attemptsLast = time.Hour
)

// attempts names the file about failed attempts to make a root: the text of
// each, ended by a NUL. "" is a root that is always tried.
type attempts string

// note adds a failed attempt; those of an hour ago and before are forgotten.
func (a attempts) note(failure error) error {
	if a == "" {
		return nil
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if len(a.recent()) == 0 {
		flags |= os.O_TRUNC
	}
	file, err := os.OpenFile(string(a), flags, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(failure.Error() + "\x00")
	return errors.Join(err, file.Close())
}

// recent returns the texts of the failed attempts.
func (a attempts) recent() []string {
	info, err := os.Stat(string(a)) // of "" there is none
	if err != nil || time.Since(info.ModTime()) > attemptsLast {
		return nil
	}
	text, _ := os.ReadFile(string(a))
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// exhausted reports whether the root is left alone now.
func (a attempts) exhausted() bool { return len(a.recent()) >= maxAttempts }

// err is how the last attempt failed.
func (a attempts) err() error {
	texts := a.recent()
	return errors.New(texts[len(texts)-1])
}
