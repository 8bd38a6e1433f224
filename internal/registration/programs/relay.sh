#!/usr/bin/env bash
set -euo pipefail

server='__SERVER__'
client_id='__CLIENT_ID__'
sign_in='__SIGN_IN__'
redeem='__REDEEM__'
me='__ME__'

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
random() { openssl rand 32 | base64url; }
s256() { printf %s "$1" | openssl dgst -sha256 -binary | base64url; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; } # use a JSON parser instead

match_code() { # the first 30 bits of its SHA-256, for users to compare
  local alphabet=0123456789ABCDEFGHJKMNPQRSTVWXYZ code='' shift
  local bits=$((16#$(printf %s "$1" | openssl dgst -sha256 -r | cut -c 1-8)))
  for shift in 27 22 17 12 7 2; do
    code+=${alphabet:bits >> shift & 31:1}
  done
  echo "${code:0:3}-${code:3}"
}

key_verifier=$(random)  # for DSS, which has the code
pkce_verifier=$(random) # for Stack Exchange; DSS must not see it
key=s256.$(s256 "$key_verifier")
echo "Sign in at $sign_in&state=$key&code_challenge=$(s256 "$pkce_verifier")&code_challenge_method=S256"
echo "The page must show the code $(match_code "$key")"

# Secrets go through pipes: others can read a process's arguments.
answer=no_token
while [[ $answer == *no_token* ]]; do
  answer=$(curl -sS -d @- "$server/auth/token" <<<"key=$key&verifier=$key_verifier&wait=60")
done
code=$(member code <<<"$answer")
[ -n "$code" ] || { echo "no access: $answer" >&2; exit 1; }
token=$(curl -sS -d "client_id=$client_id" --data-urlencode "redirect_uri=$server/auth/redirect" \
  --data-urlencode code@<(printf %s "$code") --data-urlencode code_verifier@<(printf %s "$pkce_verifier") \
  "$redeem" | member access_token)
