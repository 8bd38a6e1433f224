// java SignIn.java; Java 17 or newer, and nothing else.
import com.sun.net.httpserver.HttpServer;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;

import static java.nio.charset.StandardCharsets.UTF_8;

public class SignIn {
    static final String SERVER = env("DSS_SERVER", "https://auth.example.org");
    static final String API = env("DSS_STACKEXCHANGE_API_URL", "https://api.stackexchange.com/2.3");
    static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        System.out.println("Hello, " + displayName(signIn()));
    }

    static String signIn() throws Exception {
        String clientId = env("DSS_CLIENT_ID", "");
        String state = random();
        String verifier = random();
        String challenge = base64(MessageDigest.getInstance("SHA-256").digest(verifier.getBytes(UTF_8)));

        var answers = new CompletableFuture<Map<String, String>>();
        HttpServer listener = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        listener.createContext("/callback", exchange -> {
            Map<String, String> answer = decode(exchange.getRequestURI().getRawQuery());
            boolean ours = state.equals(answer.get("state"));
            if (ours) {
                String error = answer.get("error");
                String page = error == null ? "/done" : error.equals("access_denied") ? "/denied" : "/failed";
                exchange.getResponseHeaders().set("Location", SERVER + page);
                exchange.getResponseHeaders().set("Referrer-Policy", "no-referrer");
            }
            exchange.sendResponseHeaders(ours ? 303 : 404, -1);
            exchange.close();
            if (ours) answers.complete(answer);
        });
        listener.start();
        String redirectUri = "http://127.0.0.1:" + listener.getAddress().getPort() + "/callback";

        System.out.println("Sign in at " + SERVER + "/oauth/authorize?" + encode(Map.of(
                "response_type", "code", "client_id", clientId, "redirect_uri", redirectUri, "state", state,
                "code_challenge", challenge, "code_challenge_method", "S256")));
        Map<String, String> answer = answers.get();
        listener.stop(0);
        if (!answer.containsKey("code")) {
            throw new IllegalStateException(answer.get("error") + ": " + answer.get("error_description"));
        }
        var request = HttpRequest.newBuilder(URI.create(SERVER + "/oauth/token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString(encode(Map.of(
                        "grant_type", "authorization_code", "client_id", clientId, "redirect_uri", redirectUri,
                        "code", answer.get("code"), "code_verifier", verifier))))
                .build();
        return member("access_token", HTTP.send(request, BodyHandlers.ofString()).body());
    }

    static String displayName(String token) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(API + "/me?site=stackoverflow"))
                .header("Authorization", "Bearer " + token)
                .header("Accept-Encoding", "gzip") // the API always compresses, and HttpClient does not undo it
                .build();
        try (InputStream body = new GZIPInputStream(HTTP.send(request, BodyHandlers.ofInputStream()).body())) {
            return member("display_name", new String(body.readAllBytes(), UTF_8));
        }
    }

    // member reads one string. Use your JSON library instead: the JDK has none.
    static String member(String name, String json) {
        var match = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
        if (!match.find()) throw new IllegalStateException(json);
        return match.group(1);
    }

    static String encode(Map<String, String> parameters) {
        return parameters.entrySet().stream()
                .map(p -> p.getKey() + "=" + URLEncoder.encode(p.getValue(), UTF_8))
                .collect(Collectors.joining("&"));
    }

    static Map<String, String> decode(String query) {
        var parameters = new HashMap<String, String>();
        for (String pair : query == null ? new String[0] : query.split("&")) {
            String[] parts = pair.split("=", 2);
            parameters.put(parts[0], parts.length < 2 ? "" : URLDecoder.decode(parts[1], UTF_8));
        }
        return parameters;
    }

    static String random() {
        byte[] bytes = new byte[32];
        new SecureRandom().nextBytes(bytes);
        return base64(bytes);
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static String env(String name, String fallback) {
        return System.getenv().getOrDefault(name, fallback);
    }
}
