package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ownPlaces are the places of this machine itself that a test must never write: every test works below directories of its own, or on a host that it has booted.
// The first is where root's changes are recorded; a test that forgets --root or asuser leaves its traces there.
func ownPlaces() []string {
	places := []string{"/var/lib/docker-proxy", "/etc/docker", "/etc/systemd/system/docker.service.d", "/etc/default/docker"}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".local", "state", "docker-proxy"), filepath.Join(home, ".docker", "config.json"))
	}
	return places
}

// footprint is what stands in some places: for every file its kind, mode, size and time, by name. What cannot be read is told by its error.
func footprint(places []string) map[string]string {
	seen := map[string]string{}
	for _, place := range places {
		err := filepath.WalkDir(place, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				seen[name] = err.Error()
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			seen[name] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
			return nil
		})
		if err != nil {
			seen[place] = err.Error()
		}
	}
	return seen
}

// leftBehind compares the footprints before and after the suites: the error names each file that came, went or changed.
func leftBehind(before, after map[string]string) error {
	var names []string
	for name, state := range after {
		if before[name] != state {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return errors.New("while the tests ran, something wrote to this machine's own files, which no test may (docker proxy rollback --list has the commands): " + strings.Join(names, ", "))
}
