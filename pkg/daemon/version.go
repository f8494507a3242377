package daemon

import "strings"

// canonical turns an engine version ("26.1.5+dfsg1", "20.10.24", "5:28.5.2-1~debian.12~bookworm", "18.09.1-ce") into what semver compares: "v26.1.5". Leading
// zeros, which Docker's calendar versions have and semver forbids, are dropped.
func canonical(version string) string {
	version = strings.TrimPrefix(version, "v")
	if epoch, rest, ok := strings.Cut(version, ":"); ok && isDigits(epoch) {
		version = rest
	}
	if i := strings.IndexAny(version, "-+~ "); i >= 0 {
		version = version[:i]
	}
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return ""
	}
	parts = append(parts, "0")[:3]
	for i, p := range parts {
		if !isDigits(p) {
			return ""
		}
		if parts[i] = strings.TrimLeft(p, "0"); parts[i] == "" {
			parts[i] = "0"
		}
	}
	return "v" + strings.Join(parts, ".")
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
