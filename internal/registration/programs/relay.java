import java.net.*;
import java.net.http.*;
import java.security.*;
import java.util.*;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

import static java.nio.charset.StandardCharsets.UTF_8;

public class Hello {
    static final String SERVER = "__SERVER__";
    static final String CLIENT_ID = "__CLIENT_ID__";
    static final String SIGN_IN = "__SIGN_IN__";
    static final String REDEEM = "__REDEEM__";
    static final String ME = "__ME__";

    static String signIn() throws Exception {
        String keyVerifier = random(); // for DSS, which has the code
        String pkceVerifier = random(); // for Stack Exchange; DSS must not see it
        String key = "s256." + challenge(keyVerifier);
        System.out.println("Sign in at " + SIGN_IN + "&" + form(Map.of(
                "state", key, "code_challenge", challenge(pkceVerifier), "code_challenge_method", "S256")));
        System.out.println("The page must show the code " + matchCode(key));
        String answer;
        do {
            answer = post(SERVER + "/auth/token", Map.of("key", key, "verifier", keyVerifier, "wait", "60"));
        } while (answer.contains("no_token"));
        return member("access_token", post(REDEEM, Map.of(
                "client_id", CLIENT_ID, "code", member("code", answer), "code_verifier", pkceVerifier,
                "redirect_uri", SERVER + "/auth/redirect")));
    }

    // The first 30 bits of its SHA-256, for users to compare.
    static String matchCode(String key) throws Exception {
        int bits = java.nio.ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(key.getBytes(UTF_8))).getInt() >>> 2;
        var letters = new StringBuilder();
        for (int shift = 25; shift >= 0; shift -= 5) {
            letters.append("0123456789ABCDEFGHJKMNPQRSTVWXYZ".charAt(bits >>> shift & 31));
        }
        return letters.insert(3, '-').toString();
    }
