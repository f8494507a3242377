package export

import (
	"path"
	"strings"
)

// javaVariable is read by every JVM when it starts, before its command line (JVM TI, "The JAVA_TOOL_OPTIONS Environment Variable"); it says on stderr that it did.
const javaVariable = "JAVA_TOOL_OPTIONS"

// Java is a store for the JVMs of new containers, by a variable that takes the place of their own: it has to hold all that this one holds.
type Java struct {
	Data     []byte // JKS or PKCS#12
	Password string // that a JVM needs to read it, "" for none
	Options  string // words that the image has in the variable already, and that stay
}

// Variable names the store, which is in a directory of the container.
func (j Java) Variable(dir string) Variable {
	words := strings.Fields(j.Options)
	words = append(words, "-Djavax.net.ssl.trustStore="+path.Join(dir, JavaFile))
	if j.Password != "" {
		words = append(words, "-Djavax.net.ssl.trustStorePassword="+j.Password)
	}
	return Variable{javaVariable, strings.Join(words, " ")}
}
