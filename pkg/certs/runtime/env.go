package runtime

func (f *finder) environment(Processes) {}
func (f *finder) configurations()       {}
func (f *finder) nss()                  {}

type program struct{}

func (f *finder) look(Processes) []program { return nil }
