#!/usr/bin/env bash
set -euo pipefail

server='__SERVER__'
client_id='__CLIENT_ID__'
scope='__SCOPE__'
me='__ME__'

member() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; } # use a JSON parser instead

device=$(curl -sS -d "client_id=$client_id" --data-urlencode "scope=$scope" "$server/oauth/device_authorization")
device_code=$(member device_code <<<"$device")
[ -n "$device_code" ] || { echo "it does not start: $device" >&2; exit 1; }
echo "Sign in at $(member verification_uri_complete <<<"$device") and compare the code $(member user_code <<<"$device")"

# Secrets go through pipes: others can read a process's arguments.
pause=$(member interval <<<"$device")
token=
while [ -z "$token" ]; do
  sleep "$pause"
  answer=$(curl -sS -d @- "$server/oauth/token" \
    <<<"grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=$client_id&device_code=$device_code")
  token=$(member access_token <<<"$answer")
  case $(member error <<<"$answer") in
    '' | authorization_pending) ;;
    slow_down) pause=$((pause + 5)) ;;
    *) echo "no access: $answer" >&2; exit 1 ;;
  esac
done
