package unitfile

// newest is the release whose behaviour Parse and a version of 0 mean.
const newest = 262

// version is a systemd release number. Each method names one change between
// releases; the comment says what was before.
type version int

func release(v int) version {
	if v <= 0 {
		return newest
	}
	return version(v)
}

// el7 is release 219, which in practice is Red Hat Enterprise Linux 7: it took
// the line reader of 235.
func (v version) el7() bool { return v == 219 }

// longLines: lines up to 1 MiB. Before, lines were cut into pieces of 2047
// bytes, each a line of its own, and ended at the first carriage return.
func (v version) longLines() bool { return v >= 235 || v.el7() }

// anyLineEnd: CR, LF, NUL and their combinations end a line. Before, LF and
// NUL did.
func (v version) anyLineEnd() bool { return v >= 240 }

// mark: a byte order mark is skipped: at the start of the file only, or of any
// line as long as none was seen.
func (v version) mark() bool        { return v >= 230 || v.el7() }
func (v version) markAnyLine() bool { return v.longLines() }

// commentFirst: comments are taken out before continuation lines are joined.
// Before, a comment could be continued and was text inside a continuation.
// 240 knew them in the first column only; 240 to 242 took out empty lines too.
func (v version) commentFirst() bool    { return v >= 240 }
func (v version) commentIndented() bool { return v >= 241 }
func (v version) dropsEmptyLine() bool  { return v >= 240 && v <= 242 }

// lastContinued: a continuation at the end of the file is still read. Before,
// it was dropped.
func (v version) lastContinued() bool { return v >= 239 }

// checksUTF8: a line that is not UTF-8 stops the reader. Before, only the
// values were checked.
func (v version) checksUTF8() bool { return v >= 239 }

// checksSection: a section name with control characters, quotes or backslashes
// stops the reader.
func (v version) checksSection() bool { return v >= 251 }

// lenientLine: a line without "=" is ignored. Before, it stopped the reader.
func (v version) lenientLine() bool { return v >= 243 }

// includes: .include lines are followed (in unit files, not in drop-ins).
func (v version) includes() bool { return v < 246 }

// wordsFirst: a value is split into words and then specifiers are expanded.
// Before, specifiers came first and quotes counted only around a whole word.
func (v version) wordsFirst() bool { return v >= 233 }

// strictEscape: an unknown escape drops the word. Before, it was literal.
func (v version) strictEscape() bool { return v >= 220 }

// refusesSurrogate: \ud800 and the like are unknown escapes. Before, they made
// a value that is not UTF-8. Seen in 262 and not in 257; 258 is a guess.
func (v version) refusesSurrogate() bool { return v >= 258 }

// strictSpecifier: an unknown % specifier is an error. Before, it was literal.
func (v version) strictSpecifier() bool { return v >= 236 }

// keepsLastPercent: a lone % at the end stays. Before, it was lost.
func (v version) keepsLastPercent() bool { return v >= 235 }

// managerSpecifiers: DefaultEnvironment= expands specifiers; credsInManager:
// also %u, %U, %g, %G, %h and %s.
func (v version) managerSpecifiers() bool { return v >= 249 }
func (v version) credsInManager() bool    { return v >= 254 }

// passEnvironment and unsetEnvironment: the release that introduced the key.
func (v version) passEnvironment() bool  { return v >= 228 }
func (v version) unsetEnvironment() bool { return v >= 235 }

// passSpecifiers: PassEnvironment= expands specifiers.
func (v version) passSpecifiers() bool { return v >= 235 }

// unsetEscapes: UnsetEnvironment= knows C escapes. In 235 a backslash quoted
// the next character.
func (v version) unsetEscapes() bool { return v >= 236 }

// anyControl: values may hold control characters. Before, only tab, and line
// feed since 239.
func (v version) anyControl() bool { return v >= 248 }
func (v version) lineFeed() bool   { return v >= 239 }

// simplifiesPath: EnvironmentFile= paths lose double and trailing slashes.
func (v version) simplifiesPath() bool { return v >= 239 }
