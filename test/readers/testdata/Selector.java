import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** Asks the JVM's own proxy selector. Reads lines of tab-separated fields: the URL, then property=value for each; answers with the proxy's host:port, or direct. Opens no connection. */
public class Selector {
    private static final String[] NAMES = {"http.proxyHost", "http.proxyPort", "https.proxyHost", "https.proxyPort", "http.nonProxyHosts"};

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            for (String name : NAMES) {
                System.clearProperty(name);
            }
            for (int i = 1; i < fields.length; i++) {
                int eq = fields[i].indexOf('=');
                System.setProperty(fields[i].substring(0, eq), fields[i].substring(eq + 1));
            }
            Proxy p = ProxySelector.getDefault().select(new URI(fields[0])).get(0);
            if (p.type() == Proxy.Type.DIRECT) {
                out.append("direct\n");
            } else {
                InetSocketAddress a = (InetSocketAddress) p.address();
                out.append(a.getHostString()).append(':').append(a.getPort()).append('\n');
            }
        }
        System.out.print(out);
    }
}
