package txn

import "bytes"

// block is the unit in which common bytes are looked for: a run of 2*block-1 bytes that both states have counts as unchanged. Members of a JSON file with secrets are longer.
const block = 8

// edits gives what has to be replaced in other to get old. Where they differ in several places the bytes in between are not part of it: they may be secrets of others.
func edits(other, old []byte) []edit {
	head := 0
	for head < min(len(old), len(other)) && old[head] == other[head] {
		head++
	}
	tail := 0
	for tail < min(len(old), len(other))-head && old[len(old)-1-tail] == other[len(other)-1-tail] {
		tail++
	}
	return between(other[:len(other)-tail], old[:len(old)-tail], head)
}

// between is edits for states that are equal up to at. It goes through both from front to back, as rsync does: the blocks of the one are looked for at every place of the other.
func between(other, old []byte, at int) []edit {
	blocks := map[[block]byte][]int{} // of other, where they begin
	for i := at; i+block <= len(other); i += block {
		k := [block]byte(other[i:])
		blocks[k] = append(blocks[k], i)
	}
	var out []edit
	done, oldDone := at, at
	add := func(from, oldFrom int) {
		if done < from || oldDone < oldFrom {
			out = append(out, edit{At: done, Len: from - done, Data: bytes.Clone(old[oldDone:oldFrom])})
		}
	}
	for i := at; i+block <= len(old); {
		k := [block]byte(old[i:])
		places := blocks[k]
		for len(places) > 0 && places[0] < done {
			places = places[1:]
		}
		blocks[k] = places
		if len(places) == 0 {
			i++
			continue
		}
		from, oldFrom, n := places[0], i, block
		for from > done && oldFrom > oldDone && other[from-1] == old[oldFrom-1] {
			from, oldFrom, n = from-1, oldFrom-1, n+1
		}
		for oldFrom+n < len(old) && from+n < len(other) && old[oldFrom+n] == other[from+n] {
			n++
		}
		add(from, oldFrom)
		done, oldDone, i = from+n, oldFrom+n, oldFrom+n
	}
	add(len(other), len(old))
	return out
}

// apply is the inverse of edits; false when they do not fit.
func apply(other []byte, list []edit) ([]byte, bool) {
	var out []byte
	done := 0
	for _, e := range list {
		if e.At < done || e.Len < 0 || e.Len > len(other)-e.At {
			return nil, false
		}
		out = append(append(out, other[done:e.At]...), e.Data...)
		done = e.At + e.Len
	}
	return append(out, other[done:]...), true
}
