package txn

// Activity is what can be seen from outside about the runs that use a state directory, also by those who may not look into it.
type Activity struct {
	// Writing says that files of the host are being written, or put back, at this moment: what is read now may be half old and half new.
	Writing bool
	// Epoch changes whenever that begins.
	Epoch string
}

// Activity looks at the state directory from outside. What cannot be known (another system than Linux, a /proc without locks) counts as quiet.
func (s *Store) Activity() Activity { return s.state.activity() }
