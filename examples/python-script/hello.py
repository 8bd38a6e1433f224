"""Signs a user in and greets them, with the standard library alone."""
import gzip
import html
import json
import os
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../clients"))  # or copy dss.py here
import dss  # noqa: E402

api = os.environ.get("DSS_STACKEXCHANGE_API_URL", "https://api.stackexchange.com/2.3")
try:
    token = dss.sign_in(os.environ["DSS_SERVER"], os.environ["DSS_CLIENT_ID"], ["read_inbox"])
except dss.AccessDenied:
    sys.exit("You did not give access.")
except dss.Error as error:
    sys.exit(str(error))

request = urllib.request.Request(f"{api}/me?site=stackoverflow", headers={"Authorization": f"Bearer {token}"})
with urllib.request.urlopen(request) as response:
    me = json.loads(gzip.decompress(response.read()))  # the API compresses every answer
print("Hello,", html.unescape(me["items"][0]["display_name"]))
