#!/usr/bin/env bash
# Signs a user in through the key relay, and greets them. The sign-in is in dss.sh, which has two verifiers: one for
# the relay, which gets it together with the code, and one for Stack Exchange, without which the code is worth nothing.
set -euo pipefail
. "$(dirname "$0")/../../clients/dss.sh" # copy it next to your script

api=${DSS_STACKEXCHANGE_API_URL:-https://api.stackexchange.com/2.3}
token=$(sign_in "$DSS_SERVER" "$DSS_CLIENT_ID" read_inbox)

# The token goes through a pipe: other users of the machine can read arguments.
printf 'header = "Authorization: Bearer %s"' "$token" |
  curl --silent --show-error --fail-with-body --compressed --config - "$api/me?site=stackoverflow" |
  sed 's/.*"display_name":"\([^"]*\)".*/Hello, \1/'
