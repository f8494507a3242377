package main

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// TestSudoAccount: what sudo says counts only when all of it is true.
func TestSudoAccount(t *testing.T) {
	uid := os.Getuid()
	dir := t.TempDir()
	home, other, file, link := filepath.Join(dir, "ann"), filepath.Join(dir, "other"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	assert.NilError(t, os.Mkdir(home, 0o700))
	assert.NilError(t, os.Mkdir(other, 0o700))
	assert.NilError(t, os.WriteFile(file, nil, 0o600))
	assert.NilError(t, os.Symlink("/", link))
	if uid == 0 {
		uid = 12345
		assert.NilError(t, os.Chown(home, uid, uid))
		assert.NilError(t, os.Chown(file, uid, uid))
		assert.NilError(t, os.Lchown(link, uid, uid))
	} else {
		other = "/"
	}
	id := strconv.Itoa(uid)
	for _, tt := range []struct {
		name, uid, user string
		account         user.User
		want            bool
	}{
		{"all of it true", id, "ann", user.User{Uid: id, Username: "ann", HomeDir: home}, true},
		{"no SUDO_UID", "", "ann", user.User{Uid: id, Username: "ann", HomeDir: home}, false},
		{"no number", "ann", "ann", user.User{Uid: "ann", Username: "ann", HomeDir: home}, false},
		{"a negative number", "-1", "ann", user.User{Uid: "-1", Username: "ann", HomeDir: home}, false},
		{"more than a uid", "4294967296", "ann", user.User{Uid: "4294967296", Username: "ann", HomeDir: home}, false},
		{"another spelling", "0" + id, "ann", user.User{Uid: id, Username: "ann", HomeDir: home}, false},
		{"root", "0", "root", user.User{Uid: "0", Username: "root", HomeDir: "/"}, false},
		{"no such account", id, "ann", user.User{}, false},
		{"another name", id, "bob", user.User{Uid: id, Username: "ann", HomeDir: home}, false},
		{"no name", id, "", user.User{Uid: id, Username: "ann", HomeDir: home}, false},
		{"somebody else's home", id, "ann", user.User{Uid: id, Username: "ann", HomeDir: other}, false},
		{"a link to somebody else's home", id, "ann", user.User{Uid: id, Username: "ann", HomeDir: link}, false},
		{"no home", id, "ann", user.User{Uid: id, Username: "ann", HomeDir: filepath.Join(dir, "none")}, false},
		{"a file for a home", id, "ann", user.User{Uid: id, Username: "ann", HomeDir: file}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := sudoAccount(tt.uid, tt.user, func(string) (*user.User, error) {
				if tt.account.Uid == "" {
					return nil, errors.New("no such account")
				}
				return &tt.account, nil
			})
			assert.Equal(t, got != nil, tt.want)
		})
	}
}

// TestHomeLocation: the docker CLI of the snap has a config.json of its own in people's homes.
func TestHomeLocation(t *testing.T) {
	home := t.TempDir()
	u := &user.User{Uid: strconv.Itoa(os.Getuid()), Gid: "7", Username: "ann", HomeDir: home}
	for flavor, want := range map[daemon.Flavor]string{"": ".docker/config.json", daemon.FlavorSnap: "snap/docker/current/.docker/config.json"} {
		at, err := homeLocation(&view{site: &daemon.Site{Flavor: flavor}}, u)
		assert.NilError(t, err)
		assert.Equal(t, at.Path, filepath.Join(home, want))
		assert.Equal(t, at.User, "ann")
		assert.Equal(t, at.GID, 7)
	}
	u.HomeDir = "/nonexistent"
	_, err := homeLocation(&view{site: &daemon.Site{}}, u)
	assert.ErrorContains(t, err, "does not belong to ann")
}
