package reader

// Route is how a request leaves.
type Route string

// The routes of the JSON output.
const (
	RouteProxy   Route = "proxy"
	RouteDirect  Route = "direct"
	RouteFails   Route = "fails"   // the program stops with an error: the proxy's URL is of a kind it does not take
	RouteUnknown Route = "unknown" // a value cannot be known without running code, or could not be read
)

// Cause says why.
type Cause string

// The causes of the JSON output, a closed list.
const (
	CauseNoProxySet    Cause = "no-proxy-set"     // no variable that this program reads names a proxy for the scheme
	CauseEntry         Cause = "entry"            // an entry of NO_PROXY matches
	CauseBuiltIn       Cause = "built-in"         // the program never uses a proxy for this host
	CauseNoEntry       Cause = "no-entry-matches" // a proxy is set and nothing says otherwise
	CauseUnusableProxy Cause = "unusable-proxy"   // the program cannot use the value
	CauseNotKnown      Cause = "value-not-known"  // the value that decides is not known
)

// Causes returns every cause with the sentence that explains it.
func Causes() [][2]string {
	return [][2]string{
		{string(CauseNoProxySet), "no variable this reader reads names a proxy for that scheme"},
		{string(CauseEntry), "an entry of NO_PROXY matches"},
		{string(CauseBuiltIn), "the program never uses a proxy for that host, whatever is set"},
		{string(CauseNoEntry), "a proxy is set and no entry of NO_PROXY matches"},
		{string(CauseUnusableProxy), "the program cannot use the proxy's URL"},
		{string(CauseNotKnown), "the value that decides cannot be known without running a script, or could not be read"},
	}
}

// Answer is what a reader does with one target. The zero value is no answer.
type Answer struct {
	Route Route
	Cause Cause
	// Proxy is the variable that names the proxy; its name is empty where none is set. It is filled for a direct route too: the proxy that is passed by.
	Proxy Variable
	// Entry is the NO_PROXY entry that decided, without surrounding blanks, in the spelling of the list; empty unless the cause is an entry,
	// and for an empty entry that decided (wget, for a name with a dot at its end).
	Entry string
	// List is the variable that holds NO_PROXY, where one is set and looked at.
	List Variable
	// Detail is one clause more for people, such as what is built in; it holds no value of a variable.
	Detail string
}
