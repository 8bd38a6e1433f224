
    // Stack Exchange compresses its answers, and writes texts as in HTML.
    public static void main(String[] args) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(ME))
                .header("Authorization", "Bearer " + signIn()).header("Accept-Encoding", "gzip").build();
        var body = HTTP.send(request, HttpResponse.BodyHandlers.ofInputStream()).body();
        String user = new String(new GZIPInputStream(body).readAllBytes(), UTF_8);
        System.out.println("Hello, " + member("display_name", user));
    }

    static final HttpClient HTTP = HttpClient.newHttpClient();

    static String post(String address, Map<String, String> fields) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(address))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString(form(fields))).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    static String form(Map<String, String> fields) {
        var pairs = new StringJoiner("&");
        fields.forEach((name, value) -> pairs.add(name + "=" + URLEncoder.encode(value, UTF_8)));
        return pairs.toString();
    }

    // Use your JSON library instead: the JDK has none.
    static String member(String name, String json) throws Exception {
        var match = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
        if (!match.find()) throw new Exception(json);
        return match.group(1);
    }

    static String random() {
        byte[] bytes = new byte[32];
        new SecureRandom().nextBytes(bytes);
        return base64(bytes);
    }

    static String challenge(String verifier) throws Exception {
        return base64(MessageDigest.getInstance("SHA-256").digest(verifier.getBytes(UTF_8)));
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
