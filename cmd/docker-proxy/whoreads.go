package main

import (
	"fmt"
	"os/user"
	"path"
	"strconv"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// whoReads says for each file that holds credentials after this change who can read it, and where else they can be seen.
func (j *job) whoReads() []string {
	var notes []string
	if j.plan != nil && j.plan.After != nil {
		holds := map[string]bool{}
		for _, b := range j.plan.After.Bindings {
			if b.Value.HasCredentials() {
				holds[b.Source.Path] = true
			}
		}
		for _, c := range j.plan.Changes.Effective() {
			if holds[c.Path] && c.To.Kind == change.File {
				notes = append(notes, fmt.Sprintf("credentials stand in %s: %s can read it; beside that root sees them in dockerd's environment (/proc), and docker info masks them", c.Path, readableBy(j.ownedTo(c))))
			}
		}
	}
	for _, c := range j.client.Effective() {
		if j.clientSecret[c.Path] && c.To.Kind == change.File {
			notes = append(notes, fmt.Sprintf("credentials stand in %s: %s can read it; beside that whoever may ask this daemon sees them in every new container (docker inspect)", c.Path, readableBy(j.ownedTo(c))))
		}
	}
	return notes
}

// ownedTo is the state after a change with the owner that a new file gets: that of the directory it is made in, or that of the first one above it that exists.
func (j *job) ownedTo(c change.Change) change.State {
	st := c.To
	for dir := path.Dir(c.Path); st.UID < 0; dir = path.Dir(dir) {
		if info, err := j.view.files.Stat(dir); err == nil {
			st.UID = info.UID
		}
		if dir == "/" || dir == "." {
			break
		}
	}
	return st
}

// readableBy names who can read a file in that state.
func readableBy(st change.State) string {
	name := fmt.Sprintf("uid %d", st.UID)
	switch u, err := user.LookupId(strconv.Itoa(st.UID)); {
	case st.UID == 0:
		name = "root"
	case st.UID < 0:
		name = "you"
	case err == nil:
		name = u.Username
	}
	switch {
	case st.Mode&0o004 != 0:
		return fmt.Sprintf("everybody (mode %04o)", st.Mode.Perm())
	case st.Mode&0o040 != 0:
		return fmt.Sprintf("%s and group %d (mode %04o)", name, st.GID, st.Mode.Perm())
	}
	return fmt.Sprintf("%s alone (mode %04o)", name, st.Mode.Perm())
}
