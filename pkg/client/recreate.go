package client

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Labels by which Compose and Swarm mark what they create.
const (
	composeProject = "com.docker.compose.project"
	composeService = "com.docker.compose.service"
	composeFiles   = "com.docker.compose.project.config_files"
	composeDir     = "com.docker.compose.project.working_dir"
	composeEnv     = "com.docker.compose.project.environment_file"
	swarmService   = "com.docker.swarm.service.name"
)

// recreate is the command that makes a container anew with today's settings; in words where Docker does not keep what would be needed.
func recreate(c Created) string {
	if s := c.Labels[swarmService]; s != "" {
		return "docker service update --force " + quote(s) + " (Swarm hands out no settings of config.json: give them with --env-add)"
	}
	project, service := c.Labels[composeProject], c.Labels[composeService]
	if project == "" || service == "" {
		return "docker rm -f " + quote(c.Name) + ", and run it again as it was run"
	}
	words := []string{"docker", "compose", "-p", quote(project)}
	if dir := c.Labels[composeDir]; dir != "" {
		words = append(words, "--project-directory", quote(dir))
	}
	for _, f := range strings.Split(c.Labels[composeFiles], ",") {
		if f != "" {
			words = append(words, "-f", quote(f))
		}
	}
	for _, f := range strings.Split(c.Labels[composeEnv], ",") {
		if f != "" {
			words = append(words, "--env-file", quote(f))
		}
	}
	return strings.Join(append(words, "up", "-d", "--force-recreate", "--no-deps", quote(service)), " ")
}

// quote makes one word of a shell's command line. What no shell can spell (a zero byte, which no name of Docker has) stays as it is.
func quote(s string) string {
	word, err := syntax.Quote(s, syntax.LangPOSIX)
	if err != nil {
		return s
	}
	return word
}
