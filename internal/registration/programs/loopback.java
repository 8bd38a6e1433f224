import com.sun.net.httpserver.HttpServer;
import java.net.*;
import java.net.http.*;
import java.security.*;
import java.util.*;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

import static java.nio.charset.StandardCharsets.UTF_8;

public class Hello {
    static final String SERVER = "__SERVER__";
    static final String CLIENT_ID = "__CLIENT_ID__";
    static final String SCOPE = "__SCOPE__";
    static final String ME = "__ME__";

    static String signIn() throws Exception {
        String state = random(), verifier = random();
        var answers = new CompletableFuture<Map<String, String>>();
        HttpServer listener = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        listener.createContext("/callback", exchange -> {
            var answer = new HashMap<String, String>();
            for (String pair : Objects.requireNonNullElse(exchange.getRequestURI().getRawQuery(), "").split("&")) {
                String[] parts = pair.split("=", 2);
                answer.put(parts[0], URLDecoder.decode(parts[parts.length - 1], UTF_8));
            }
            boolean expected = state.equals(answer.get("state"));
            String error = answer.get("error");
            String page = error == null ? "/done" : error.equals("access_denied") ? "/denied" : "/failed";
            if (expected) exchange.getResponseHeaders().set("Location", SERVER + page);
            exchange.sendResponseHeaders(expected ? 303 : 404, -1);
            exchange.close();
            if (expected) answers.complete(answer);
        });
        listener.start();
        String redirectUri = "http://127.0.0.1:" + listener.getAddress().getPort() + "/callback";
        System.out.println("Sign in at " + SERVER + "/oauth/authorize?" + form(Map.of(
                "response_type", "code", "client_id", CLIENT_ID, "redirect_uri", redirectUri, "scope", SCOPE, "state", state,
                "code_challenge", challenge(verifier), "code_challenge_method", "S256")));
        var answer = answers.get();
        listener.stop(0);
        if (!answer.containsKey("code")) throw new Exception("no access: " + answer.get("error"));
        return member("access_token", post(SERVER + "/oauth/token", Map.of(
                "grant_type", "authorization_code", "client_id", CLIENT_ID, "redirect_uri", redirectUri,
                "code", answer.get("code"), "code_verifier", verifier)));
    }
