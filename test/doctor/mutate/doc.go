// Package mutate changes host states byte by byte: so that the cause of what is found stays (other names, places, orders, quotes, line ends), or so that it is gone
// (taken out, commented out, or mended as an administrator would).
//
// It knows nothing of the program under test, and nothing of how the states of the corpus were written: it works on whatever bytes they hold. Start at keep.go;
// remove.go takes causes away, repair.go and the files beside it mend them.
package mutate
