package main

import (
	"fmt"
	"slices"
	"strings"
)

// mutation is one entry of the list.
type mutation struct {
	title string
	file  string // below the top of the checkout
	old   string // stands exactly once in the file
	new   string
	tests []string // arguments of go test; tried in order until one fails
	line  int      // in the list
}

// parse reads the list. An entry is
//
//	= title, which rule is missing
//	file PATH
//	test PACKAGE [-run REGEXP]      one or more
//	-text to replace                one or more lines, taken as they are
//	+what replaces it               none or more lines
//
// Lines that are empty or begin with # are passed over.
func parse(text string) ([]mutation, error) {
	var all []mutation
	var olds, news [][]string
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		word, rest, _ := strings.Cut(line, " ")
		at := len(all) - 1
		switch {
		case line == "" || line[0] == '#':
			continue
		case word == "=":
			all, olds, news = append(all, mutation{title: rest, line: number}), append(olds, nil), append(news, nil)
			continue
		case at < 0:
			return nil, fmt.Errorf("line %d: before the first title", number)
		case word == "file":
			all[at].file = rest
		case word == "test":
			all[at].tests = append(all[at].tests, rest)
		case line[0] == '-':
			olds[at] = append(olds[at], line[1:])
		case line[0] == '+':
			news[at] = append(news[at], line[1:])
		default:
			return nil, fmt.Errorf("line %d: unknown word %q", number, word)
		}
	}
	for i := range all {
		m := &all[i]
		m.old, m.new = strings.Join(olds[i], "\n"), strings.Join(news[i], "\n")
		if err := m.check(all[:i]); err != nil {
			return nil, fmt.Errorf("line %d: %w", m.line, err)
		}
	}
	return all, nil
}

func (m mutation) check(before []mutation) error {
	switch {
	case m.title == "" || m.file == "" || m.old == "" || len(m.tests) == 0:
		return fmt.Errorf("%q needs a title, a file, a test and a text", m.title)
	case m.old == m.new:
		return fmt.Errorf("%q changes nothing", m.title)
	case slices.ContainsFunc(before, func(o mutation) bool { return o.title == m.title }):
		return fmt.Errorf("%q is there twice", m.title)
	}
	return nil
}

// apply returns the file's text with the mutation.
func (m mutation) apply(text string) (string, error) {
	if n := strings.Count(text, m.old); n != 1 {
		return "", fmt.Errorf("the text stands %d times in %s, not once: the list has to follow the code", n, m.file)
	}
	return strings.Replace(text, m.old, m.new, 1), nil
}
