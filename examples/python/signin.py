# pip install requests-oauthlib, or Debian's python3-requests-oauthlib.
import base64
import hashlib
import http.server
import os
import queue
import secrets
import threading
from urllib.parse import parse_qsl, urlsplit

from requests_oauthlib import OAuth2Session

server = os.environ.get("DSS_SERVER", "https://auth.example.org")
api = os.environ.get("DSS_STACKEXCHANGE_API_URL", "https://api.stackexchange.com/2.3")
if server.startswith("http://localhost:"):  # a sandbox on this machine; oauthlib wants https otherwise
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
answers = queue.Queue()


class Callback(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = dict(parse_qsl(urlsplit(self.path).query))
        if answer.get("state") != state:
            self.send_error(404)
            return
        page = {None: "/done", "access_denied": "/denied"}.get(answer.get("error"), "/failed")
        self.send_response(303)
        self.send_header("Location", server + page)
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        answers.put(answer)

    def log_message(self, *args):
        pass  # it would write the code to stderr


listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
session = OAuth2Session(
    os.environ["DSS_CLIENT_ID"], redirect_uri=f"http://127.0.0.1:{listener.server_port}/callback"
)
verifier = secrets.token_urlsafe(48)
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
address, state = session.authorization_url(
    f"{server}/oauth/authorize", code_challenge=challenge, code_challenge_method="S256"
)
threading.Thread(target=listener.serve_forever, daemon=True).start()

print("Sign in at", address, flush=True)
answer = answers.get()
if "code" not in answer:
    raise SystemExit(f"{answer.get('error')}: {answer.get('error_description')}")
session.fetch_token(
    f"{server}/oauth/token", code=answer["code"], code_verifier=verifier, include_client_id=True
)

me = session.get(f"{api}/me", params={"site": "stackoverflow"})
me.raise_for_status()
print("Hello,", me.json()["items"][0]["display_name"])
