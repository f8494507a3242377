package shellfile

import "mvdan.cc/sh/v3/syntax"

// test decides [ and test where only strings are compared; tests of files are never decided here.
func (e *evaluator) test(name string, args []*syntax.Word) tri {
	var texts []string
	for _, w := range args {
		v := e.expand(w, plainWord)
		if !v.known || v.expanded { // an unquoted expansion may be no argument, or several
			return maybe
		}
		texts = append(texts, v.text)
	}
	if name == "[" {
		if len(texts) == 0 || texts[len(texts)-1] != "]" {
			return maybe
		}
		texts = texts[:len(texts)-1]
	}
	if len(texts) > 2 && texts[0] == "!" {
		return compare(texts[1:]).not()
	}
	return compare(texts)
}

func compare(texts []string) tri {
	decide := func(b bool) tri {
		if b {
			return yes
		}
		return no
	}
	switch {
	case len(texts) == 1:
		return decide(texts[0] != "")
	case len(texts) == 2 && texts[0] == "-n":
		return decide(texts[1] != "")
	case len(texts) == 2 && texts[0] == "-z":
		return decide(texts[1] == "")
	case len(texts) == 3 && texts[1] == "=":
		return decide(texts[0] == texts[2])
	case len(texts) == 3 && texts[1] == "!=":
		return decide(texts[0] != texts[2])
	}
	return maybe
}
