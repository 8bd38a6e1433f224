import gzip, html, json, time
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

SERVER = "__SERVER__"
CLIENT_ID = "__CLIENT_ID__"
SCOPE = "__SCOPE__"
ME = "__ME__"


def post(path, **form):
    try:
        with urlopen(SERVER + path, urlencode(form).encode()) as answer:
            return json.load(answer)
    except HTTPError as refused:
        return json.load(refused)


device = post("/oauth/device_authorization", client_id=CLIENT_ID, scope=SCOPE)
if "device_code" not in device:
    raise SystemExit(f"it does not start: {device}")
print("Sign in at", device["verification_uri_complete"], "and compare the code", device["user_code"], flush=True)
token, pause = None, device["interval"]
while not token:
    time.sleep(pause)
    answer = post(
        "/oauth/token", grant_type="urn:ietf:params:oauth:grant-type:device_code", client_id=CLIENT_ID,
        device_code=device["device_code"],
    )
    token, error = answer.get("access_token"), answer.get("error")
    if error == "slow_down":
        pause += 5
    elif error and error != "authorization_pending":
        raise SystemExit(f"no access: {error}")
