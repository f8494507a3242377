package nssdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// table reads one table of an SQLite database of format 3 (sqlite.org/fileformat2.html), from bytes that anybody may have made: every page is visited once, and no length is
// believed before it was compared with what is there.
type table struct {
	data    []byte
	page    int // bytes of a page
	usable  int // of these, those that hold something
	visited map[uint32]bool
	taken   int // bytes of the rows so far: cells that overlap would give more than there are
}

// ErrFormat is matched by every error about bytes that are no database this package can read.
var ErrFormat = errors.New("no database of NSS that can be read")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

const magic = "SQLite format 3\x00"

// open reads the header.
func open(data []byte) (*table, error) {
	if len(data) < 100 || string(data[:len(magic)]) != magic {
		return nil, malformed("it does not begin as one of SQLite 3")
	}
	page := int(binary.BigEndian.Uint16(data[16:]))
	if page == 1 {
		page = 65536
	}
	if page < 512 || page&(page-1) != 0 {
		return nil, malformed("its pages have %d bytes", page)
	}
	if data[18] != 1 || data[19] != 1 {
		return nil, malformed("some of it is in another file, a write-ahead log")
	}
	usable := page - int(data[20])
	if usable < 480 || binary.BigEndian.Uint32(data[56:]) > 1 {
		return nil, malformed("it is written in an unusual way")
	}
	return &table{data: data, page: page, usable: usable, visited: map[uint32]bool{}}, nil
}

// row is the values of one row: nil, int64, float64, string or []byte.
type row []any

// rows calls do with each row of the table whose tree begins at a page.
func (t *table) rows(root uint32, do func(row) error) error {
	if t.visited[root] {
		return malformed("page %d comes twice", root)
	}
	t.visited[root] = true
	page, err := t.at(root)
	if err != nil {
		return err
	}
	head := page
	if root == 1 {
		head = page[100:]
	}
	kind, cells, size := head[0], int(binary.BigEndian.Uint16(head[3:])), 8
	if kind == 5 {
		size = 12
	}
	if kind != 5 && kind != 13 || size+2*cells > len(head) {
		return malformed("page %d is none of a table", root)
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(head[size+2*i:]))
		if at >= t.usable {
			return malformed("a cell of page %d is outside of it", root)
		}
		if kind == 5 {
			if at+4 > len(page) {
				return malformed("a cell of page %d is cut", root)
			}
			err = t.rows(binary.BigEndian.Uint32(page[at:]), do)
		} else {
			err = t.leaf(page[at:t.usable], do)
		}
		if err != nil {
			return err
		}
	}
	if kind == 5 {
		return t.rows(binary.BigEndian.Uint32(head[8:]), do)
	}
	return nil
}

func (t *table) at(number uint32) ([]byte, error) {
	from := (int64(number) - 1) * int64(t.page)
	if number == 0 || from+int64(t.page) > int64(len(t.data)) {
		return nil, malformed("there is no page %d", number)
	}
	return t.data[from : from+int64(t.page)], nil
}

// leaf reads a cell with a row.
func (t *table) leaf(cell []byte, do func(row) error) error {
	size, cell, ok := varint(cell)
	_, cell, ok2 := varint(cell) // the number of the row
	if !ok || !ok2 || size > uint64(len(t.data)) {
		return malformed("a row is cut")
	}
	if t.taken += int(size) + 1; t.taken > len(t.data) {
		return malformed("its rows overlap")
	}
	payload, err := t.payload(int(size), cell)
	if err != nil {
		return err
	}
	r, err := record(payload)
	if err != nil {
		return err
	}
	return do(r)
}

// payload gathers a row's bytes from its page and those it runs over into.
func (t *table) payload(size int, cell []byte) ([]byte, error) {
	inside := size
	if most := t.usable - 35; size > most {
		least := (t.usable-12)*32/255 - 23
		if inside = least + (size-least)%(t.usable-4); inside > most {
			inside = least
		}
	}
	if inside > len(cell) || inside < size && inside+4 > len(cell) {
		return nil, malformed("a row is cut")
	}
	if inside == size {
		return cell[:size], nil
	}
	out := append(make([]byte, 0, size), cell[:inside]...)
	for next := binary.BigEndian.Uint32(cell[inside:]); len(out) < size; {
		if t.visited[next] {
			return nil, malformed("page %d comes twice", next)
		}
		t.visited[next] = true
		page, err := t.at(next)
		if err != nil {
			return nil, err
		}
		out = append(out, page[4:4+min(t.usable-4, size-len(out))]...)
		next = binary.BigEndian.Uint32(page)
	}
	return out, nil
}

// record reads the values of a row.
func record(data []byte) (row, error) {
	size, rest, ok := varint(data)
	if !ok || size > uint64(len(data)) || int(size) < len(data)-len(rest) {
		return nil, malformed("the head of a row is cut")
	}
	types, values := data[len(data)-len(rest):size], data[size:]
	var out row
	for len(types) > 0 {
		var kind uint64
		if kind, types, ok = varint(types); !ok {
			return nil, malformed("the head of a row is cut")
		}
		length := sizeOf(kind)
		if length > uint64(len(values)) {
			return nil, malformed("a value is longer than its row")
		}
		out = append(out, value(kind, values[:length]))
		values = values[length:]
	}
	return out, nil
}

// sizeOf is how many bytes a value of a serial type has.
func sizeOf(kind uint64) uint64 {
	switch {
	case kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind <= 7:
		return 8
	case kind < 12:
		return 0
	}
	return (kind - 12) / 2
}

func value(kind uint64, b []byte) any {
	switch {
	case kind == 0, kind == 10, kind == 11:
		return nil
	case kind == 8, kind == 9:
		return int64(kind - 8)
	case kind == 7:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case kind <= 6:
		n := int64(int8(b[0]))
		for _, c := range b[1:] {
			n = n<<8 | int64(c)
		}
		return n
	case kind%2 == 1:
		return string(b)
	}
	return b
}

// varint reads a number of one to nine bytes.
func varint(b []byte) (uint64, []byte, bool) {
	var n uint64
	for i := range min(len(b), 9) {
		if i == 8 {
			return n<<8 | uint64(b[i]), b[9:], true
		}
		n = n<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// find gives the first page of a table and the names of its columns, in lower case.
func (t *table) find(name string) (root uint32, columns []string, err error) {
	err = t.rows(1, func(r row) error {
		if len(r) < 5 || r[0] != "table" || r[1] != name {
			return nil
		}
		number, isNumber := r[3].(int64)
		sql, isText := r[4].(string)
		_, list, ok := strings.Cut(sql, "(")
		if !isNumber || !isText || !ok || number < 1 || number > math.MaxUint32 {
			return malformed("the table %s is not described", name)
		}
		root = uint32(number)
		for column := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(list), ")"), ",") {
			words := append(strings.Fields(column), "")
			columns = append(columns, strings.ToLower(words[0]))
		}
		return nil
	})
	if err == nil && root == 0 {
		err = malformed("it has no table %s", name)
	}
	return root, columns, err
}
