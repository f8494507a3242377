package precedence

// caChecks are the kinds of finding about certificate authorities.
func caChecks() []Check {
	return []Check{
		{ID: "ca-expires-soon", Severity: SeverityWarning, Summary: "an authority that was added to containers expires within 30 days, or has expired: what it signs is then not trusted any more", Basis: "RFC 5280, section 4.1.2.5"},
	}
}
