package precedence

// caChecks are the kinds of finding about certificate authorities.
func caChecks() []Check {
	return []Check{
		{ID: "ca-bundle-shrank", Severity: SeverityError, Summary: "roots that stand among the sources of this machine's bundle are not in it, so nothing that reads it trusts them", Basis: "update-ca-certificates(8), update-ca-trust(8): the bundle is made of its sources"},
		{ID: "ca-certs-d-not-used-for-hub", Severity: SeverityError, Summary: "an authority stands in certs.d for Docker Hub, where the classic image store does not look", Basis: "moby registry.lookupV2Endpoints: docker.io gets tlsconfig.ServerDefault()"},
		{ID: "ca-containers-missing", Severity: SeverityWarning, Summary: "running containers lack an authority that others were given", Basis: "the records of `docker proxy ca add`", Needs: NeedContainers},
		{ID: "ca-daemon-not-restarted", Severity: SeverityWarning, Summary: "this machine trusts an authority since after dockerd was started, which reads the machine's roots once", Basis: "crypto/x509.loadSystemRoots, Certificate.systemVerify: once for the life of a process"},
		{ID: "ca-expired", Severity: SeverityError, Summary: "an authority that was added to this machine or to containers has expired: nothing that it has signed is accepted any more", Basis: "RFC 5280, section 4.1.2.5"},
		{ID: "ca-expires-soon", Severity: SeverityWarning, Summary: "an authority that was added to this machine or to containers expires within 30 days: what it signs is then not trusted any more", Basis: "RFC 5280, section 4.1.2.5"},
		{ID: "ca-not-in-daemon-store", Severity: SeverityError, Summary: "the proxy terminates TLS, and dockerd does not trust its authority, so pulls fail; without --online a warning about authorities that only containers were given", Basis: "crypto/x509: certificate signed by unknown authority"},
	}
}
