import java.net.URI;
import javax.net.ssl.HttpsURLConnection;

/** Asks for a URL by the proxy of its system properties and says what came of it. */
public class Client {
    public static void main(String[] args) throws Exception {
        try {
            HttpsURLConnection c = (HttpsURLConnection) URI.create(args[0]).toURL().openConnection();
            System.out.println("trusted " + c.getResponseCode());
        } catch (javax.net.ssl.SSLException e) {
            System.out.println(e.getMessage());
            System.exit(1);
        }
    }
}
