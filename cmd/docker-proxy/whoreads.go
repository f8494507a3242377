package main

import (
	"fmt"
	"os/user"
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
				notes = append(notes, fmt.Sprintf("credentials stand in %s: %s can read it; beside that root sees them in dockerd's environment (/proc), and docker info masks them", c.Path, readableBy(c.To)))
			}
		}
	}
	for _, c := range j.client.Effective() {
		if j.clientSecret[c.Path] && c.To.Kind == change.File {
			notes = append(notes, fmt.Sprintf("credentials stand in %s: %s can read it; beside that whoever may ask this daemon sees them in every new container (docker inspect)", c.Path, readableBy(c.To)))
		}
	}
	return notes
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
