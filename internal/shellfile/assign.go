package shellfile

// assign gives a variable a value, as NAME=value does in this shell.
func (e *evaluator) assign(name string, v value, start, end int) {
	e.assignExport(name, v, start, end, false)
}

// assignExport does the same for export NAME=value when export is true.
func (e *evaluator) assignExport(name string, v value, start, end int, export bool) {
	if !ValidName(name) {
		return
	}
	old := e.lookup(e.st, name)
	if old.readonly == yes {
		e.refused(name)
		return
	}
	if isVolatile(name) {
		v = value{}
	}
	mark := old.export
	switch {
	case export || e.st.allexport == yes:
		mark = yes
	case e.st.allexport == maybe && mark == no:
		mark = maybe
	}
	i := e.emit(Effect{Name: name, Kind: Assign, Value: v.text, Known: v.known, Exported: mark == yes}, start, end)
	e.st.vars[name] = variable{
		known: v.known, set: v.known, value: v.text, export: mark, readonly: old.readonly, from: []int{i},
	}
}

// maybeAssign makes a variable unknown that may or may not get an unknown value.
func (e *evaluator) maybeAssign(name string, start, end int) {
	if !ValidName(name) {
		return
	}
	old := e.lookup(e.st, name)
	e.cond++
	i := e.emit(Effect{Name: name, Kind: Assign}, start, end)
	e.cond--
	e.st.vars[name] = variable{export: maybe, readonly: old.readonly, from: union(old.from, []int{i})}
}

// mark exports a variable as it is.
func (e *evaluator) mark(name string, export bool, start, end int) {
	v := e.lookup(e.st, name)
	kind := Unexport
	v.export = no
	if export {
		kind, v.export = Export, yes
	}
	e.emit(Effect{Name: name, Kind: kind, Known: true, Exported: export}, start, end)
	e.st.vars[name] = v
}

// unset takes a variable away.
func (e *evaluator) unset(name string, start, end int) {
	v := e.lookup(e.st, name)
	if v.readonly == yes {
		e.refused(name)
		return
	}
	i := e.emit(Effect{Name: name, Kind: Unset, Known: true}, start, end)
	e.st.vars[name] = variable{known: !isVolatile(name), readonly: v.readonly, from: []int{i}}
}

// refused is a change of a readonly variable: a POSIX shell stops, bash outside POSIX mode leaves the file.
func (e *evaluator) refused(name string) {
	v := e.lookup(e.st, name)
	e.st.vars[name] = variable{export: maybe, readonly: yes, from: v.from}
	e.fr.returns = append(e.fr.returns, e.st.clone())
	e.fr.partial = true
}
