#!/usr/bin/env bash
# Signs a user in through DSS's key relay, with bash, curl and openssl.
set -euo pipefail

server=${DSS_SERVER:-https://auth.example.org}
stackexchange=${DSS_STACKEXCHANGE_URL:-https://stackoverflow.com}
api=${DSS_STACKEXCHANGE_API_URL:-https://api.stackexchange.com/2.3}
redirect_uri=$server/auth/redirect

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
random() { openssl rand 32 | base64url; }
s256() { printf %s "$1" | openssl dgst -sha256 -binary | base64url; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; } # use a JSON parser instead

# match_code KEY prints the first 30 bits of its SHA-256 in Crockford's base32.
match_code() {
  local alphabet=0123456789ABCDEFGHJKMNPQRSTVWXYZ code='' shift
  local bits=$((16#$(printf %s "$1" | openssl dgst -sha256 -r | cut -c 1-8)))
  for shift in 27 22 17 12 7 2; do
    code+=${alphabet:bits >> shift & 31:1}
  done
  echo "${code:0:3}-${code:3}"
}

key_verifier=$(random)  # for DSS, which hands the code to whoever has it
pkce_verifier=$(random) # for Stack Exchange; DSS must never see it
key=s256.$(s256 "$key_verifier")

echo "Sign in at $stackexchange/oauth?client_id=$DSS_CLIENT_ID&redirect_uri=$redirect_uri&state=$key\
&code_challenge=$(s256 "$pkce_verifier")&code_challenge_method=S256"
echo "The page must show the code $(match_code "$key")"

# Secrets go through files and pipes: others can read a process's arguments.
answer=no_token
while [[ $answer == *no_token* ]]; do
  answer=$(curl -sS -d @- "$server/auth/token" <<<"key=$key&verifier=$key_verifier&wait=60")
done
code=$(member code <<<"$answer")
[ -n "$code" ] || { echo "$answer" >&2; exit 1; }

token=$(curl -sS -d "client_id=$DSS_CLIENT_ID" --data-urlencode "redirect_uri=$redirect_uri" \
  --data-urlencode code@<(printf %s "$code") --data-urlencode code_verifier@<(printf %s "$pkce_verifier") \
  "$stackexchange/oauth/access_token/json" | member access_token)

name=$(curl -sS --compressed -H @<(printf 'Authorization: Bearer %s' "$token") "$api/me?site=stackoverflow" |
  member display_name)
echo "Hello, $name"
