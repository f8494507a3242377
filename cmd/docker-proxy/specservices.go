package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkServices checks the part of every service, in the order of their names.
func (s *spec) checkServices() error {
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		one, at := s.Services[name], "services."+name
		switch {
		case one == serviceSpec{} && s.HTTPProxy == "" && s.HTTPSProxy == "":
			return usageErrorf("%s: service %s has no proxy, and the file has none for all", s.at(at), name)
		case one.PasswordFile != "" && one.Username == "":
			return usageErrorf("%s: passwordFile needs username", s.at(at+".passwordFile"))
		case one.Proxy == "" && one.Username != "" && s.HTTPProxy == "" && s.HTTPSProxy == "":
			return usageErrorf("%s: username is for a proxy: give proxy, or httpProxy and httpsProxy for all services", s.at(at+".username"))
		}
		if err := s.checkURL(at+".proxy", one.Proxy); err != nil {
			return err
		}
		if _, err := checkList(s.at(at+".noProxy"), one.NoProxy); err != nil {
			return err
		}
	}
	return nil
}

// consumer is what the file says for a service; "" for the settings at the top. known says that a service which the file does not name gets those, too. A service with a proxy
// of its own has its own user, or none: nobody's password goes to a proxy it was not given for.
func (s *spec) consumer(a *app, name string, known bool) (export.Settings, error) {
	one, named := s.Services[name]
	if name != "" && !named && !known {
		return export.Settings{}, usageErrorf("%s: there is no service %q (it has %s)", s.path, name, orNone(slices.Sorted(maps.Keys(s.Services))))
	}
	out := export.Settings{HTTPProxy: precedence.Value(s.HTTPProxy), HTTPSProxy: precedence.Value(s.HTTPSProxy), NoProxy: precedence.SplitNoProxy(s.NoProxy)}
	user, file := s.Username, s.PasswordFile
	if one.Proxy != "" {
		out.HTTPProxy, out.HTTPSProxy = precedence.Value(one.Proxy), precedence.Value(one.Proxy)
		user, file = "", ""
	}
	if one.Username != "" {
		user, file = one.Username, one.PasswordFile
	}
	if one.NoProxy != "" {
		out.NoProxy = precedence.SplitNoProxy(one.NoProxy)
	}
	if user == "" {
		return out, nil
	}
	password := ""
	if file != "" {
		var err error
		if password, err = passwordFromFile(s.beside(file)); err != nil {
			return export.Settings{}, err
		}
		a.redactor.Add(password)
	}
	for _, v := range []*precedence.Value{&out.HTTPProxy, &out.HTTPSProxy} {
		if *v != "" {
			*v = precedence.WithCredentials(*v, user, password)
		}
	}
	return out, nil
}

// orNone joins names for a message.
func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
