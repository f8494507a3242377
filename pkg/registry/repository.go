package registry

import "github.com/distribution/reference"

// Repository returns what a registry's API calls an image: its path without the registry ("library/alpine"), and its digest or tag. Both are "" when image is no
// reference.
func Repository(image string) (repo, version string) {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return "", ""
	}
	repo = reference.Path(named)
	if d, ok := named.(reference.Digested); ok {
		return repo, d.Digest().String()
	}
	if t, ok := named.(reference.Tagged); ok {
		return repo, t.Tag()
	}
	return repo, "latest"
}
