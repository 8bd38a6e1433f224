
# Stack Exchange compresses its answers, and writes texts as in HTML.
with urlopen(Request(ME, headers={"Authorization": f"Bearer {token}", "User-Agent": "hello"})) as answer:
    body = answer.read()
    if answer.headers["Content-Encoding"] == "gzip":
        body = gzip.decompress(body)
print("Hello,", html.unescape(json.loads(body)["items"][0]["display_name"]))
