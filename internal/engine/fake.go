package engine

import "context"

// Fake is an Engine for tests: it answers with what its fields hold, or with Err, and counts what it was asked.
type Fake struct {
	Answer   Info
	Running  []Container
	All      []Created
	One      Inspected
	Nets     []Network
	Names    []Member
	Building Builds
	Chosen   []Selected // of Select, whatever the filters
	Started  []string   // what RestartContainer was asked for
	// Files are the files of every container, by absolute name; StatPath, GetArchive, PutArchive and Exec work on them.
	Files map[string]FakeFile
	Ran   [][]string // what Exec was asked to run
	// Happened is told by Events, which then waits for its context, or fails with EventsErr.
	Happened  []Event
	EventsErr error
	Known     []Image  // of Image and Images; Image finds them by ID or tag
	Differs   []string // of Changes
	Made      []string // what was made and removed, in words
	Err       error    // of every method
	Pull      error    // of Distribution
	Asked     int      // questions of any kind; 0 proves that a stopped daemon was left alone
}

// Ping answers "1.45".
func (f *Fake) Ping(context.Context) (string, error) {
	f.Asked++
	return "1.45", f.Err
}

// Info answers with f.Answer.
func (f *Fake) Info(context.Context) (Info, error) {
	f.Asked++
	return f.Answer, f.Err
}

// Containers answers with f.Running.
func (f *Fake) Containers(context.Context) ([]Container, error) {
	f.Asked++
	return f.Running, f.Err
}

// AllContainers answers with f.All.
func (f *Fake) AllContainers(context.Context) ([]Created, error) {
	f.Asked++
	return f.All, f.Err
}

// Inspect answers with f.One.
func (f *Fake) Inspect(context.Context, string) (Inspected, error) {
	f.Asked++
	return f.One, f.Err
}

// Networks answers with f.Nets.
func (f *Fake) Networks(context.Context) ([]Network, error) {
	f.Asked++
	return f.Nets, f.Err
}

// Members answers with f.Names.
func (f *Fake) Members(context.Context) ([]Member, error) {
	f.Asked++
	return f.Names, f.Err
}

// Builds answers with f.Building.
func (f *Fake) Builds(context.Context) (Builds, error) {
	f.Asked++
	return f.Building, f.Err
}

// Select answers with f.Chosen.
func (f *Fake) Select(context.Context, bool, map[string][]string) ([]Selected, error) {
	f.Asked++
	return f.Chosen, f.Err
}

// RestartContainer remembers the container in f.Started.
func (f *Fake) RestartContainer(_ context.Context, id string) error {
	f.Asked++
	f.Started = append(f.Started, id)
	return f.Err
}

// Distribution answers with f.Pull.
func (f *Fake) Distribution(context.Context, string) error {
	f.Asked++
	if f.Err != nil {
		return f.Err
	}
	return f.Pull
}
