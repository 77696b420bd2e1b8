import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.Map;

public final class Main {
    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null;) {
            String[] fields = line.split("\t", -1);
            var decoder = Base64.getDecoder();
            var headers = Map.of(
                    "webhook-id", new String(decoder.decode(fields[1])),
                    "webhook-timestamp", new String(decoder.decode(fields[2])),
                    "webhook-signature", new String(decoder.decode(fields[3])));
            try {
                Verify.verify(new String(decoder.decode(fields[0])), headers::get, decoder.decode(fields[4]));
                System.out.println("true");
            } catch (GeneralSecurityException e) {
                System.out.println("false");
            }
        }
    }
}
