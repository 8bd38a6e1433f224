"""Signs in with requests_oauthlib's code grant.

It prints the address that the user is to visit and reads where the visit has
ended.
"""

import json
import sys

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

TIMEOUT = 30  # seconds

app = json.loads(sys.argv[1])


def sign_in():
    client = WebApplicationClient(app["client_id"])
    session = OAuth2Session(client=client, redirect_uri=app["redirect_uri"], scope=app["scope"].split())
    # OAuth2Session knows PKCE only since version 1.4.
    verifier = client.create_code_verifier(app["verifier"])
    challenge = client.create_code_challenge(verifier, "S256")
    address, _ = session.authorization_url(
        app["server"] + "/oauth/authorize", code_challenge=challenge, code_challenge_method="S256"
    )
    print("VISIT", address, flush=True)
    token = session.fetch_token(
        app["server"] + "/oauth/token",
        authorization_response=input(),
        code_verifier=verifier,
        include_client_id=app["in_body"],
        timeout=TIMEOUT,
    )
    api = session.get(app["server"] + "/sandbox/2.3/me", params={"site": "stackoverflow"}, timeout=TIMEOUT)
    if "scope" in token:
        token["scope"] = " ".join(token["scope"])
    return {**token, "api": api.status_code}


try:
    result = sign_in()
except OAuth2Error as error:
    result = {"error": error.error}
print(json.dumps(result))
