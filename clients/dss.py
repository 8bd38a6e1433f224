#!/usr/bin/env python3
"""dss.py 1.0.0: sign a user in to Stack Exchange through a DSS server. Python 3.9, standard library only.

    token = dss.sign_in("https://auth.example.org", "12345", ["read_inbox"])
    headers = {"Authorization": "Bearer " + token}

As a program, it prints the token: python3 dss.py --server https://auth.example.org --client-id 12345
"""
import argparse, base64, contextlib, hashlib, hmac, http.client, http.server, json, os, re, secrets, signal, sys
import time, urllib.error, urllib.request, webbrowser, zlib
from typing import Any, Callable, NamedTuple, Optional, Sequence
from urllib.parse import parse_qs, urlencode, urlsplit

SIGN_IN_TIME = 15 * 60  # seconds that a server keeps a sign-in
ANSWER_TIME = 25  # seconds for a request: after two without an answer, a claim can still be repeated
UPSTREAM = "/oauth/access_token/json"  # where Stack Exchange redeems codes
LOCAL = re.compile(r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d*)?(/|$)", re.IGNORECASE)
# Over SSH, nobody would see a browser that opens on this machine.
BROWSER = not os.environ.get("SSH_CONNECTION") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


# How a sign-in fails. The program's exit statuses are those of dss login.
class Error(Exception): exit_status = 1
class AccessDenied(Error): exit_status = 3  # the user or Stack Exchange refused
class Expired(Error): exit_status = 4  # the user took too long
class Conflict(Error): exit_status = 4  # two different answers came, so neither can be trusted
class AnswerLost(Error): exit_status = 4  # the user signed in, but the token was lost on the way: start again
class Unreachable(Error): exit_status = 5  # no usable answer came from a server
class NotSent(Unreachable): pass  # and the request cannot have arrived
class Throttled(Error): pass  # there were too many requests, to the end
class WrongServer(Error): exit_status = 2  # the server calls itself something else


class AsItIs(urllib.request.HTTPErrorProcessor):  # no redirect is followed: it would take secrets along
    http_response = https_response = lambda self, request, response: response


def show(flow: str, url: str, code: str, browser: bool = True) -> None:
    """Print what to do on standard error, and open the browser."""
    check = f"The page shows the code {code}. If it shows another one, stop.\n" if code else ""
    print(f"To sign in, open this address:\n\n{url}\n\n{check}", file=sys.stderr)
    if browser and flow != "device" and BROWSER:
        webbrowser.open(url)


def sign_in(server: str, client_id: str, scopes: Sequence[str] = (), *, flow: str = "", stackexchange: str = "",
            prompt: Callable[[str, str, str], None] = show, timeout: float = SIGN_IN_TIME) -> str:
    """Sign a user in and return the access token. Raises an Error, or ValueError for a wrong argument.

    In the flow loopback the browser is on this machine, in relay and device it may be on any. The default is loopback
    if that can work here, otherwise relay. prompt(flow, url, code) has to show the URL and the code to the user.
    """
    if not re.fullmatch("[0-9]+", str(client_id)) or flow not in ("", "loopback", "relay", "device"):
        raise ValueError("the client ID must be a number, and the flow loopback, relay or device")
    scope = (scopes if isinstance(scopes, str) else " ".join(scopes)).replace(",", " ")
    request = {"client_id": str(client_id), **({"scope": scope} if scope else {})}
    session = Session(parse_address(server), parse_address(stackexchange or "https://stackoverflow.com"), request,
                      prompt, time.monotonic() + timeout)
    listener = None
    if flow == "loopback" or not flow and BROWSER:
        with contextlib.suppress(() if flow else OSError):  # unless it must be loopback, relay will do
            listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    meta = session.check()
    sandbox = str(meta.get("dss_sandbox"))  # a fake Stack Exchange; trusted if all of it is on this machine
    if not stackexchange and LOCAL.match(session.server) and sandbox.startswith(session.server + "/"):
        session = session._replace(stackexchange=sandbox)
    if listener:
        with listener:
            return session.loopback(listener, meta)
    return session.device() if flow == "device" else session.relay()


class Session(NamedTuple):
    server: str
    stackexchange: str
    request: dict[str, str]  # what every authorization request has
    prompt: Callable[[str, str, str], None]
    deadline: float

    def check(self) -> dict[str, Any]:
        """Make sure that the server is the right one, before the user signs in."""
        meta = self.post(self.server + "/.well-known/oauth-authorization-server", None)
        if meta["status"] == 429:
            return {}  # too busy to be asked
        issuer = str(meta.get("issuer"))
        if meta["status"] != 200 or meta.get("token_endpoint") != issuer + "/oauth/token":
            raise Unreachable(f"there is no DSS server at {self.server}")
        if issuer != self.server:
            raise WrongServer(clean(f"the server at {self.server} calls itself {issuer}: use that"))
        return meta

    def loopback(self, listener: Any, meta: dict[str, Any]) -> str:
        """The browser comes back to this process (RFC 8252 section 7.3)."""
        verifier, redirect_uri = secrets.token_urlsafe(32), f"http://127.0.0.1:{listener.server_port}/"
        listener.issuer, listener.state, listener.answer = self.server, secrets.token_urlsafe(32), None
        listener.timeout, listener.handle_error = 0.2, lambda *_: None  # no traceback if a browser leaves
        # If the server hands on the code of the Stack Exchange that we know, it need not have the token: we redeem it.
        direct = "dss_redeem_values_supported" in meta and meta.get("dss_stackexchange") == self.stackexchange
        query = {"response_type": "code", "redirect_uri": redirect_uri, "state": listener.state,
                 **({"dss_redeem": "direct"} if direct else {})}
        self.prompt("loopback", f"{self.server}/oauth/authorize?{self.authorization(query, verifier)}", "")
        while not (answer := listener.answer):
            listener.handle_request()
            self.sleep(0)
        if answer.get("iss") != self.server:  # before anything else in it counts (RFC 9207 section 2.4)
            raise WrongServer(f"the answer came from another server than {self.server}")
        if answer.get("error"):
            raise problem({**answer, "status": 400})
        if direct:
            return self.redeem(self.stackexchange + UPSTREAM, answer["code"], self.server + "/oauth/callback", verifier)
        return self.redeem(self.server + "/oauth/token", answer["code"], redirect_uri, verifier)

    def relay(self) -> str:
        """The server keeps Stack Exchange's code under a key that only this process can claim with. There are two
        verifiers, never one for both: the server gets the key's verifier when it hands over the code. If that were
        also PKCE's, the server could redeem the code itself, and have the token.
        """
        key_verifier, pkce_verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        key, redirect_uri = "s256." + s256(key_verifier), self.server + "/auth/redirect"
        query = self.authorization({"redirect_uri": redirect_uri, "state": key}, pkce_verifier)
        self.prompt("relay", f"{self.stackexchange}/oauth?{query}", match_code(key))
        while True:
            claim = {"key": key, "verifier": key_verifier, "wait": "20"}
            answer = self.persist(self.server + "/auth/token", claim)
            if answer["status"] == 200 and answer.get("code"):
                return self.redeem(self.stackexchange + UPSTREAM, answer["code"], redirect_uri, pkce_verifier)
            if (answer["status"], answer["error"]) != (404, "no_token"):
                raise problem(answer)
            self.sleep(1)  # a server that does not wait must not be asked in a tight loop

    def device(self) -> str:
        """The user signs in on any machine, while this one asks for the token (RFC 8628)."""
        start = self.post(self.server + "/oauth/device_authorization", self.request)
        url = str(start.get("verification_uri_complete") or start.get("verification_uri"))
        if start["status"] != 200 or not start.get("device_code") or not re.fullmatch("https?://[!-~]+", url):
            raise problem(start)
        self = self._replace(deadline=min(self.deadline, time.monotonic() + number(start, "expires_in", SIGN_IN_TIME)))
        interval = min(number(start, "interval", 5), 60)
        self.prompt("device", url, clean(str(start.get("user_code"))))
        poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": start["device_code"],
                "client_id": self.request["client_id"]}
        while True:
            self.sleep(interval)
            answer = self.persist(self.server + "/oauth/token", poll, 2 * interval)
            if answer["error"] == "slow_down":
                interval += 5
            elif answer["error"] != "authorization_pending":
                return token(answer)

    def authorization(self, query: dict[str, str], verifier: str) -> str:
        return urlencode({**self.request, **query, "code_challenge": s256(verifier), "code_challenge_method": "S256"})

    def redeem(self, url: str, code: str, redirect_uri: str, verifier: str) -> str:
        form = {"grant_type": "authorization_code", "client_id": self.request["client_id"], "code": code,
                "redirect_uri": redirect_uri, "code_verifier": verifier}
        return token(self.persist(url, form, once=True))

    def persist(self, url: str, form: dict[str, str], delay: float = 1, once: bool = False) -> dict[str, Any]:
        """Repeat a request until it has an answer that counts, unlike a broken connection, a restart or a throttle.
        One that works once is repeated twice if its answer is lost, as it may not have arrived; if a repetition is
        refused, it had.
        """
        trouble, lost, repeats, longest = None, None, 0, max(delay, 15)
        while True:
            pause, doubtful = delay, True
            try:
                answer = self.post(url, form)
                if not answer["busy"]:
                    if lost and (answer["error"] == "invalid_grant" or once and answer["error"] == "invalid_request"):
                        raise AnswerLost("the token was lost on the way; start the sign-in again") from lost
                    return answer
                trouble, pause, doubtful = problem(answer), max(answer["pause"], delay), not answer["error"]
            except Unreachable as error:
                if time.monotonic() >= self.deadline:
                    raise trouble or Expired("the sign-in has expired") from error
                trouble, doubtful = error, not isinstance(error, NotSent)
                repeats += once and doubtful
                if repeats > 2:
                    raise AnswerLost("the token was lost on the way; start the sign-in again") from error
            lost = trouble if doubtful else lost
            self.sleep(pause, trouble)
            delay = min(2 * delay, longest)

    def sleep(self, seconds: float, trouble: Optional[Error] = None) -> None:
        left = max(self.deadline - time.monotonic(), 0)
        time.sleep(min(seconds, left))
        if seconds >= left:
            raise trouble or Expired("the sign-in has expired")

    def post(self, url: str, form: Optional[dict[str, str]]) -> dict[str, Any]:
        """Send a form, or None with GET, and return the JSON object with the status and what is wrong."""
        limit, host = max(min(ANSWER_TIME, self.deadline - time.monotonic()), 0.01), urlsplit(url).netloc
        request = urllib.request.Request(url, form and urlencode(form).encode(), {"User-Agent": "dss.py"})
        proxy = urllib.request.ProxyHandler({} if LOCAL.match(url) else None)
        try:
            with urllib.request.build_opener(proxy, AsItIs).open(request, timeout=limit) as got:
                text = got.read(65537)
        except urllib.error.URLError as error:
            raise NotSent(clean(f"{host} cannot be reached: {error.reason}")) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"no answer from {host}: {type(error).__name__}") from error
        busy = got.status == 429 or got.status >= 500
        try:
            answer = {**json.loads(zlib.decompress(text, 31) if text[:2] == b"\x1f\x8b" else text)}
        except (TypeError, ValueError, RecursionError, zlib.error) as error:
            if not busy:
                raise Unreachable(f"{host} answers {got.status} with something other than JSON") from error
            answer = {}
        error = answer.get("error_name") or answer.get("error") or ""
        if isinstance(error, dict) or not error and answer.get("error_message"):  # as Stack Exchange says it
            answer["error_message"], error = answer.get("error_message") or error.get("message"), "invalid_request"
        seconds = re.fullmatch("[0-9]{1,9}", got.headers["Retry-After"] or "")
        return {**answer, "status": got.status, "error": str(error), "busy": busy or error == "throttle_violation",
                "pause": min(int(seconds[0]), 60) if seconds else 0}


def token(answer: dict[str, Any]) -> str:
    text = answer.get("access_token")
    if answer["status"] != 200 or not isinstance(text, str) or not re.fullmatch("[!-~]{1,4096}", text):
        raise problem(answer)
    return text


def problem(answer: dict[str, Any]) -> Error:
    kinds = {"access_denied": AccessDenied, "key_conflict": Conflict, "expired_token": Expired, 429: Throttled}
    kind = Unreachable if answer["status"] >= 500 else kinds.get(answer["status"]) or kinds.get(answer["error"], Error)
    message = answer.get("error_message") or answer.get("error_description") or "the answer makes no sense"
    return kind(clean(f"{message} ({answer['status']} {answer['error']})"))


class Callback(http.server.BaseHTTPRequestHandler):
    timeout = 10  # browsers open connections on which they send nothing
    log_message = lambda *_: None  # it would print the code

    def do_GET(self) -> None:
        listener: Any = self.server
        path, _, query = self.path.partition("?")
        answer = {name: values[0] for name, values in parse_qs(query).items() if len(values) == 1}
        ours = hmac.compare_digest(answer.get("state", "").encode(), listener.state.encode())
        if path != "/" or not ours or ("code" in answer) == ("error" in answer):
            return self.send_error(404)  # not the answer, so that is still to come
        page = {None: "done", "access_denied": "denied"}.get(answer.get("error"), "failed")
        self.send_response(303)
        self.send_header("Location", f"{listener.issuer}/{page if answer.get('iss') == listener.issuer else 'failed'}")
        self.end_headers()
        listener.answer = listener.answer or answer  # once the browser is on its way


def parse_address(text: str) -> str:
    url = urlsplit(text)
    if not re.fullmatch("https?://[^/?#@]+[^?#]*", text) or not (url.scheme == "https" or LOCAL.match(text)):
        raise ValueError(f"{text!r} must be an address such as https://auth.example.org, or on this machine")
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}"


def number(answer: dict[str, Any], name: str, usual: int) -> int:
    return answer[name] if isinstance(answer.get(name), int) and answer[name] > 0 else usual


def clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:300]  # a server must not steer the terminal


def s256(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def match_code(key: str) -> str:
    """What the page shows too: the first 30 bits of the key's SHA-256 in Crockford's base32."""
    bits = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 2
    code = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[bits >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))
    return f"{code[:3]}-{code[3:]}"


def main() -> Optional[int]:
    parser = argparse.ArgumentParser(description="Sign a user in to Stack Exchange and print the access token.")
    parser.add_argument("--server", required=True, metavar="URL", help="DSS server, such as https://auth.example.org")
    parser.add_argument("--client-id", required=True, metavar="N", help="of the app, on Stack Apps")
    parser.add_argument("--scope", default="", metavar="a,b", help="such as read_inbox")
    parser.add_argument("--flow", default="", choices=("loopback", "device", "relay"))
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument("--stackexchange-url", default="", metavar="URL", help="where users sign in")
    given, stdout = parser.parse_args(), os.dup(1)
    os.dup2(2, 1)  # browsers print on standard output, where only the token belongs
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        token = sign_in(given.server, given.client_id, given.scope,
                        flow=given.flow or ("relay" if given.no_browser else ""),
                        stackexchange=given.stackexchange_url, prompt=lambda *what: show(*what, not given.no_browser))
    except KeyboardInterrupt:
        return 130
    except (Error, OSError, ValueError) as error:
        print("dss.py:", error, file=sys.stderr)
        return getattr(error, "exit_status", 2 if isinstance(error, ValueError) else 1)
    os.write(stdout, token.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
