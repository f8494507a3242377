package daemon

// ClassicStore reports whether dockerd keeps images in its own graph drivers and not in containerd: by /info, else by the configuration and the version. Engines before 29 do
// unless features.containerd-snapshotter says otherwise; a newer one that was upgraded may, too, so it is unknown without asking.
func (o *Observation) ClassicStore() Answer {
	s := o.Site
	if s.Info != nil {
		if s.Info.Containerd {
			return No
		}
		return Yes
	}
	if s.ReadsProxies() == Unknown || s.Flavor == FlavorRemote || s.Flavor == FlavorDesktop || s.ConfigFile == "" && !s.ConfigDisabled {
		return Unknown
	}
	if s.ConfigFile != "" {
		doc, _, err := parseConfig(s, o.Files)
		if err != nil {
			return Unknown
		}
		for _, m := range doc.Lookup("features", "containerd-snapshotter") {
			if m.Effective && m.Value == "true" {
				return No
			}
			if m.Effective {
				return Yes
			}
		}
	}
	if s.atLeast("29.0") {
		return Unknown
	}
	return Yes
}
