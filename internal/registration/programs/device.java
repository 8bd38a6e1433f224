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
    static final String SCOPE = "__SCOPE__";
    static final String ME = "__ME__";

    static String signIn() throws Exception {
        String device = post(SERVER + "/oauth/device_authorization", Map.of("client_id", CLIENT_ID, "scope", SCOPE));
        System.out.println("Sign in at " + member("verification_uri_complete", device)
                + " and compare the code " + member("user_code", device));
        int pause = 5;
        while (true) {
            Thread.sleep(pause * 1000);
            String answer = post(SERVER + "/oauth/token", Map.of(
                    "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", CLIENT_ID,
                    "device_code", member("device_code", device)));
            if (answer.contains("access_token")) return member("access_token", answer);
            switch (member("error", answer)) {
                case "authorization_pending" -> { }
                case "slow_down" -> pause += 5;
                default -> throw new Exception("no access: " + answer);
            }
        }
    }
