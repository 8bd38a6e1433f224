import base64, gzip, hashlib, html, http.server, json, secrets, webbrowser
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

SERVER = "__SERVER__"
CLIENT_ID = "__CLIENT_ID__"
SCOPE = "__SCOPE__"
ME = "__ME__"


class Callback(http.server.BaseHTTPRequestHandler):
    timeout = 2  # browsers open connections that they do not use

    def do_GET(self):
        response = dict(parse_qsl(urlsplit(self.path).query))
        expected = response.get("state") == state
        self.send_response(303 if expected else 404)
        if expected:
            self.server.response = response
            page = {None: "/done", "access_denied": "/denied"}.get(response.get("error"), "/failed")
            self.send_header("Location", SERVER + page)
        self.end_headers()

    def log_message(self, *_):
        pass  # it would print the code


listener = http.server.HTTPServer(("127.0.0.1", 0), Callback)
listener.response = None
redirect_uri = f"http://127.0.0.1:{listener.server_port}/callback"
state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
address = f"{SERVER}/oauth/authorize?" + urlencode({
    "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": redirect_uri, "scope": SCOPE, "state": state,
    "code_challenge": challenge, "code_challenge_method": "S256",
})
print("Sign in at", address, flush=True)
webbrowser.open(address)
while not listener.response:
    listener.handle_request()
if "code" not in listener.response:
    raise SystemExit(f"no access: {listener.response.get('error')}")

form = urlencode({
    "grant_type": "authorization_code", "client_id": CLIENT_ID, "code": listener.response["code"],
    "redirect_uri": redirect_uri, "code_verifier": verifier,
})
with urlopen(f"{SERVER}/oauth/token", form.encode()) as answer:
    token = json.load(answer)["access_token"]
