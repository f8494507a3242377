package precedence

// clientChecks are the kinds of finding about the client's config.json, builders, containers and images.
func clientChecks() []Check {
	return []Check{
		{
			ID: "client-all-proxy-ignored-by-builds", Severity: SeverityWarning, Basis: "docker/buildx util/storeutil.GetProxyConfig (since v0.8.0), golang.org/x/net/http/httpproxy.FromEnvironment",
			Summary: "config.json has allProxy and lacks httpProxy or httpsProxy: builds get no allProxy, and many programs do not read it",
		},
		{
			ID: "client-builder-not-covered", Severity: SeverityWarning, Basis: "docker/buildx driver/docker-container: buildkitd has the environment that the options env.NAME of docker buildx create gave it",
			Summary: "a builder was created without a proxy although dockerd or config.json has one: its BuildKit pulls, pushes and fetches directly",
		},
		{
			ID: "client-config-root-owned", Severity: SeverityWarning, Basis: "docker/cli cli/config/configfile.Save: a file that root makes stays root's",
			Summary: "a user's config.json or ~/.docker belongs to root, so that the user's Docker CLI cannot use it",
		},
		{
			ID: "client-credentials-in-inspect", Severity: SeverityWarning, Needs: NeedContainers, Basis: "docker/cli configfile.ParseProxyConfig: the values are put into the container's Config.Env; Docker Engine API, GET /containers/ID/json",
			Summary: "a container or an image holds the proxy's user and password, and docker inspect shows them to everybody who may ask the daemon",
		},
		{
			ID: "client-env-file-loses", Severity: SeverityWarning, Needs: NeedContainers, Basis: "docker/cli opts.ReadKVEnvStrings and cli/command/container: proxies of config.json are appended behind the entries of --env-file",
			Summary: "a container was given a proxy variable by --env-file, and config.json's value won",
		},
		{
			ID: "client-flat-proxies", Severity: SeverityError, Basis: "docker/cli cli/config/configfile: Proxies map[string]ProxyConfig",
			Summary: "proxies in config.json stand where the Docker CLI does not read them, so that containers and builds get none",
		},
		{
			ID: "client-image-has-proxy", Severity: SeverityWarning, Needs: NeedContainers, Basis: "Dockerfile ENV, docker commit: an image's Config.Env is the beginning of every container's",
			Summary: "a proxy is baked into an image: each of its containers gets it, on every machine and whatever config.json says",
		},
		{
			ID: "client-key-never-matches", Severity: SeverityError, Basis: "docker/cli configfile.ParseProxyConfig compares strings; opts.ParseHost spells endpoints; cli/connhelper: every ssh context is http://docker.example.com",
			Summary: "a record of proxies in config.json has a key that the Docker CLI never looks up, so that it does nothing",
		},
		{
			ID: "client-loopback-proxy", Severity: SeverityWarning, Basis: "network_namespaces(7): loopback belongs to the namespace, and a container has one of its own",
			Summary: "containers or builds get a proxy on a loopback address, where they reach only themselves",
		},
		{
			ID: "client-stale-containers", Severity: SeverityWarning, Needs: NeedContainers, Basis: "a container's environment is fixed when it is created (Docker Engine API, POST /containers/create); Compose leaves these variables out of the hash by which it recreates",
			Summary: "a container has other proxy settings than config.json gives to new ones",
		},
		{
			ID: "client-unparsable-config", Severity: SeverityError, Basis: "docker/cli cli/config.LoadDefaultConfigFile and configfile.LoadFromReader, encoding/json",
			Summary: "the Docker CLI cannot read config.json, or not all of it",
		},
	}
}
