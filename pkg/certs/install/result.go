package install

import (
	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Result is what was done to one container, or would be.
type Result struct {
	Family     string       `json:"family,omitempty"`
	Files      []File       `json:"files"`
	Notes      []certs.Note `json:"notes"`
	Unrestored []string     `json:"unrestored"` // each a file and a reason
	// Authorities are those that were looked for, see Look; Trusts the ones, by fingerprint, that Verify found in every bundle.
	Authorities []Held   `json:"authorities,omitempty"`
	Trusts      []string `json:"trusts,omitempty"`

	Changed bool `json:"-"`
	// Restored says that it failed after something had been changed, and that all of that is as it was before; Broken, that something of it is not.
	Restored bool   `json:"-"`
	Broken   bool   `json:"-"`
	Pending  bool   `json:"-"` // PlanOnly, and something would change
	Skipped  string `json:"-"` // why nothing can be done, which is no failure
}

// File is one change of a container's file.
type File struct {
	Path   string `json:"path"`
	Action string `json:"action"` // create, write, remove, link, …
	Cause  string `json:"cause,omitempty"`
	// InPlace says that the file was rewritten and not replaced, and why.
	InPlace string `json:"inPlace,omitempty"`
}

// And is the result of two things that were done to one container, one after the other.
func (r Result) And(next Result) Result {
	next.Files = append(r.Files, next.Files...)
	next.Notes = append(r.Notes, next.Notes...)
	next.Unrestored = append(r.Unrestored, next.Unrestored...)
	next.Changed = next.Changed || r.Changed
	next.Pending = next.Pending || r.Pending
	next.Broken = next.Broken || r.Broken
	return next
}

// files describes the changes of a plan.
func files(plan change.Plan) []File {
	out := []File{}
	for _, c := range plan {
		out = append(out, File{Path: redact.Terminal(c.Path), Action: c.Verb(), Cause: redact.Terminal(c.Cause)})
	}
	return out
}
