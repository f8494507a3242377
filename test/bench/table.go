package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// line is one line of the result.
type line struct {
	what         string
	ours, theirs string
	ratio, limit string
	missed       bool
}

// compare makes the line of two times; limit 0 measures without a claim.
func compare(what string, ours, theirs timing, limit float64) line {
	ratio := float64(ours.Median) / float64(theirs.Median)
	l := line{what: what, ours: shortTime(ours.Median), theirs: shortTime(theirs.Median), ratio: fmt.Sprintf("%.2f", ratio), limit: "none"}
	if limit > 0 {
		l.limit, l.missed = fmt.Sprintf("%.2f", limit), ratio > limit
	}
	return l
}

// faster makes the line of two times for the same amount of work, with how many times faster ours is; least 0 measures without a claim.
func faster(what string, ours, theirs time.Duration, least float64) line {
	times := float64(theirs) / float64(ours)
	l := line{what: what, ours: shortTime(ours), theirs: shortTime(theirs), ratio: fmt.Sprintf("%.0fx", times), limit: "none"}
	if least > 0 {
		l.limit, l.missed = fmt.Sprintf(">= %.0fx", least), times < least
	}
	return l
}

// alone makes the line of a time without a claim.
func alone(what string, ours time.Duration) line {
	return line{what: what, ours: shortTime(ours), theirs: "-", ratio: "-", limit: "none"}
}

// memory makes the line of a peak, which has to stay below limit; both in bytes.
func memory(what string, peak, limit int64) line {
	return line{what: what, ours: shortSize(peak), theirs: "-", ratio: "-", limit: "< " + shortSize(limit), missed: peak >= limit}
}

// none makes the line of something that must not happen at all.
func none(what string, count int) line {
	return line{what: what, ours: fmt.Sprint(count), theirs: "-", ratio: "-", limit: "0", missed: count != 0}
}

func shortTime(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func shortSize(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// write prints the table and returns errMissed when a limit was missed.
func write(out io.Writer, lines []line) error {
	var err error
	t := tabwriter.NewWriter(out, 0, 1, 3, ' ', 0)
	fmt.Fprintln(t, "WHAT\tOURS\tTHEIRS\tRATIO\tLIMIT\tRESULT")
	for _, l := range lines {
		result := "pass"
		switch {
		case l.missed:
			result, err = "FAIL", errMissed
		case l.limit == "none":
			result = "measured"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.what, l.ours, l.theirs, l.ratio, l.limit, result)
	}
	if flushErr := t.Flush(); flushErr != nil {
		return flushErr
	}
	return err
}
