import base64, gzip, hashlib, html, json, secrets, webbrowser
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

SERVER = "__SERVER__"
CLIENT_ID = "__CLIENT_ID__"
SIGN_IN = "__SIGN_IN__"
REDEEM = "__REDEEM__"
ME = "__ME__"


def post(address, **form):
    try:
        with urlopen(address, urlencode(form).encode()) as answer:
            return json.load(answer)
    except HTTPError as refused:
        return json.load(refused)


def challenge(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def match_code(key):  # the first 30 bits of its SHA-256, for users to compare
    bits = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 2
    letters = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[bits >> shift & 31] for shift in range(25, -1, -5))
    return letters[:3] + "-" + letters[3:]


key_verifier = secrets.token_urlsafe(32)  # for DSS, which has the code
pkce_verifier = secrets.token_urlsafe(32)  # for Stack Exchange; DSS must not see it
key = "s256." + challenge(key_verifier)
address = SIGN_IN + "&" + urlencode({
    "state": key, "code_challenge": challenge(pkce_verifier), "code_challenge_method": "S256",
})
print("Sign in at", address)
print("The page must show the code", match_code(key), flush=True)
webbrowser.open(address)
answer = {"error_name": "no_token"}
while answer.get("error_name") == "no_token":
    answer = post(f"{SERVER}/auth/token", key=key, verifier=key_verifier, wait=60)
if "code" not in answer:
    raise SystemExit(f"no access: {answer}")
token = post(
    REDEEM, client_id=CLIENT_ID, code=answer["code"], code_verifier=pkce_verifier, redirect_uri=f"{SERVER}/auth/redirect",
)["access_token"]
