package target

// EachCall has f told of every mutating system call of a container-root target before it is made.
func EachCall(t Target, f func(op, name string)) { t.(*rootTarget).step = f }
