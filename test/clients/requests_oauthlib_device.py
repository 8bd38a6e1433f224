"""Signs in with oauthlib's device grant in a session of requests_oauthlib.

It prints the address that the user is to visit and reads a line when that is
done.
"""

import json
import sys
import time

import requests
from oauthlib.oauth2 import DeviceClient, OAuth2Error
from requests_oauthlib import OAuth2Session

TIMEOUT = 30  # seconds

app = json.loads(sys.argv[1])


def poll(session, device):
    return session.fetch_token(
        app["server"] + "/oauth/token",
        device_code=device["device_code"],
        include_client_id=app["in_body"],
        timeout=TIMEOUT,
    )


def poll_early(session, device):
    try:
        poll(session, device)
    except OAuth2Error as error:
        if error.error == "authorization_pending":
            return
        raise
    raise AssertionError("there is a token before the visit")


def sign_in():
    session = OAuth2Session(client=DeviceClient(app["client_id"]), scope=app["scope"].split())
    # DeviceClient would put the parameters into the address.
    answer = requests.post(
        app["server"] + "/oauth/device_authorization",
        data={"client_id": app["client_id"], "scope": app["scope"]},
        timeout=TIMEOUT,
    )
    answer.raise_for_status()
    device = answer.json()
    poll_early(session, device)
    print("VISIT", device["verification_uri_complete"], flush=True)
    input()
    time.sleep(device["interval"])  # what RFC 8628 demands of a device
    token = poll(session, device)
    api = session.get(app["server"] + "/sandbox/2.3/me", params={"site": "stackoverflow"}, timeout=TIMEOUT)
    if "scope" in token:
        token["scope"] = " ".join(token["scope"])
    return {**token, "api": api.status_code}


try:
    result = sign_in()
except OAuth2Error as error:
    result = {"error": error.error}
print(json.dumps(result))
