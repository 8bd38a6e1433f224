#!/usr/bin/env bash
# dss.sh 1.0.0: sign a user in to Stack Exchange through a DSS server, with bash, curl and openssl.
#
#   . dss.sh && token=$(sign_in https://auth.example.org 12345 read_inbox) || exit
#
# As a program, it prints the token: bash dss.sh --server https://auth.example.org --client-id 12345
# The exit status is that of dss login: 1 an error, 2 a wrong argument, 3 denied, 4 expired, lost or in conflict, 5 a
# server cannot be reached, 130 interrupted.
#
# Secrets go through pipes and never into arguments: other users of the machine can see those.

# sign_in SERVER CLIENT_ID [SCOPE,SCOPE] [relay|device] [STACKEXCHANGE_URL] prints the access token on standard output,
# and what the user has to do on standard error. It calls dss_prompt URL CODE for that, which you may redefine.
sign_in() (
  set +eu # failures are handled here, whatever the script has set
  dss_sign_in "$@"
)

dss_prompt() {
  printf 'To sign in, open this address:\n\n%s\n\n' "$1" >&2
  printf 'The page shows the code %s. If it shows another one, stop.\n\n' "$(dss_clean "$2")" >&2
}

dss_sign_in() {
  local LC_ALL=C flow=${4:-relay}
  trap 'kill "$dss_child" 2>/dev/null; exit 130' INT TERM
  dss_child='' dss_trouble=''
  dss_deadline=$((SECONDS + 900)) # how long a server keeps a sign-in
  dss_check_address "$1" && dss_check_address "${5:-https://stackoverflow.com}"
  dss_server=${1%/} dss_stackexchange=${5%/} dss_client=$2 dss_scope=${3//,/ }
  [[ $dss_client =~ ^[0-9]+$ ]] || dss_fail 2 'the client ID must be a number, from Stack Apps'
  case $flow in
    relay | device) dss_check_server && "dss_$flow" ;;
    loopback) dss_fail 2 'bash cannot listen for the browser; use the flow relay or device' ;;
    *) dss_fail 2 'the flow must be relay or device' ;;
  esac
}

# dss_check_server makes sure that the server is the right one, before the user signs in.
dss_check_server() {
  dss_request "$dss_server/.well-known/oauth-authorization-server" || dss_fail 5 "$dss_failure"
  if [ "$dss_status" != 429 ]; then # not too busy to be asked
    local issuer sandbox
    issuer=$(dss_member issuer)
    [[ $dss_status == 200 && $(dss_member token_endpoint) == "$issuer/oauth/token" ]] ||
      dss_fail 5 "there is no DSS server at $dss_server"
    [ "$issuer" = "$dss_server" ] || dss_fail 2 "the server at $dss_server calls itself $issuer: use that"
    sandbox=$(dss_member dss_sandbox) # a fake Stack Exchange; trusted if all of it is on this machine
    if dss_is_local "$dss_server" && [[ $sandbox == "$dss_server/"* ]]; then
      dss_stackexchange=${dss_stackexchange:-$sandbox}
    fi
  fi
  dss_stackexchange=${dss_stackexchange:-https://stackoverflow.com}
}

# dss_relay: the server keeps Stack Exchange's code under a key that only this process can claim with. There are two
# verifiers, never one for both: the server gets the key's verifier when it hands over the code. If that were also
# PKCE's, the server could redeem the code itself, and have the token.
dss_relay() {
  local key_verifier pkce_verifier key url redirect_uri=$dss_server/auth/redirect claim code
  key_verifier=$(dss_random) pkce_verifier=$(dss_random)
  key=s256.$(dss_s256 "$key_verifier")
  url="$dss_stackexchange/oauth?$(dss_form client_id "$dss_client" scope "$dss_scope" \
    redirect_uri "$redirect_uri" state "$key" code_challenge "$(dss_s256 "$pkce_verifier")" \
    code_challenge_method S256)"
  dss_prompt "$url" "$(dss_match_code "$key")"
  [ -z "${dss_browser-}" ] || dss_open "$url"
  claim=$(dss_form key "$key" verifier "$key_verifier" wait 20)
  while dss_persist "$dss_server/auth/token" "$claim" 1; do
    code=$(dss_member code)
    [[ $dss_status == 200 && -n $code ]] && break
    [[ $dss_status == 404 && $dss_error == no_token ]] || dss_refused
    dss_sleep 1 # a server that does not wait must not be asked in a tight loop
  done
  dss_persist "$dss_stackexchange/oauth/access_token/json" "$(dss_form client_id "$dss_client" code "$code" \
    redirect_uri "$redirect_uri" code_verifier "$pkce_verifier" grant_type authorization_code)" 1 once
  dss_token
}

# dss_device: the user signs in on any machine, while this one asks for the token (RFC 8628).
dss_device() {
  local url interval life poll
  dss_request "$dss_server/oauth/device_authorization" "$(dss_form client_id "$dss_client" scope "$dss_scope")" ||
    dss_fail 5 "$dss_failure"
  url=$(dss_member verification_uri_complete)
  url=${url:-$(dss_member verification_uri)}
  [[ $dss_status == 200 && $url =~ ^https?://[!-~]+$ ]] || dss_refused
  poll=$(dss_form grant_type urn:ietf:params:oauth:grant-type:device_code client_id "$dss_client" \
    device_code "$(dss_member device_code)")
  life=$(dss_number expires_in 900 900) interval=$(dss_number interval 5 60)
  dss_deadline=$((SECONDS + life))
  dss_prompt "$url" "$(dss_member user_code)"
  while dss_sleep "$interval" && dss_persist "$dss_server/oauth/token" "$poll" $((2 * interval)); do
    case $dss_error in
      slow_down) interval=$((interval + 5)) ;;
      authorization_pending) ;;
      *) dss_token && return ;;
    esac
  done
}

# dss_persist URL FORM DELAY [once] repeats a request until it has an answer that counts, unlike a broken connection, a
# restart or a throttle. One that works once is repeated twice if its answer is lost, as it may not have arrived; if a
# repetition is refused, it had.
dss_persist() {
  local delay=$3 longest=$(($3 > 15 ? $3 : 15)) lost='' repeats=0
  dss_trouble='' # the last one, which is the error when the time is over
  while :; do
    if dss_request "$1" "$2"; then
      [ "$dss_busy" ] || break
      dss_trouble="the server answers $dss_status" dss_trouble_status=$((dss_status == 429 ? 1 : 5))
      [ "$dss_error" ] || lost=yes # a proxy's
    else
      ((SECONDS < dss_deadline)) || dss_sleep 0
      dss_trouble=$dss_failure dss_trouble_status=5
      if [ "$dss_sent" ]; then
        lost=yes
        [ -z "${4-}" ] || ((++repeats <= 2)) || dss_fail 4 'the token was lost on the way; start the sign-in again'
      fi
    fi
    dss_sleep $((dss_pause > delay ? dss_pause : delay))
    delay=$((2 * delay > longest ? longest : 2 * delay))
  done
  if [[ $lost && ($dss_error == invalid_grant || ${4-} && $dss_error == invalid_request) ]]; then
    dss_fail 4 'the token was lost on the way; start the sign-in again'
  fi
  dss_trouble=''
}

# dss_request URL [FORM] sends a form, or a GET without one. It sets dss_status, dss_body, dss_error, dss_busy (or '')
# and dss_pause (seconds). Without a usable answer it fails, and sets dss_failure and dss_sent (the request may have
# arrived).
dss_request() {
  local limit=$((dss_deadline - SECONDS)) host=${1#*//} answer headers proxy=() result
  dss_status=0 dss_body='' dss_error='' dss_busy='' dss_pause=0 dss_sent=yes
  ((limit = limit > 25 ? 25 : limit < 1 ? 1 : limit)) # two that get no answer leave time to claim again
  ! dss_is_local "$1" || proxy=(--noproxy '*')
  [ -z "${2-}" ] || proxy+=(--data @-)
  # read, unlike $(…), lets a trap run at once.
  exec 3< <(
    printf %s "${2-}" | curl --silent --include --suppress-connect-headers --compressed --max-time "$limit" \
      --connect-timeout 10 ${proxy[@]+"${proxy[@]}"} --write-out '\n%{http_code}' "$1" | tr -d '\0' | head -c 131072
    printf ' %s' "${PIPESTATUS[1]}"
  )
  dss_child=$!
  IFS= read -r -d '' -u 3 answer
  exec 3<&-
  result=${answer##*$'\n'} answer=${answer%$'\n'*} host=${host%%/*}
  dss_status=${result% *} result=${result#* }
  case $result in
    0) ;;
    5 | 6 | 7 | 35 | 60) dss_sent='' dss_failure="$host cannot be reached (curl $result)" && return 1 ;;
    *) dss_failure="no answer from $host (curl $result)" && return 1 ;;
  esac
  while [[ $answer =~ ^HTTP/[0-9.]+\ 1 ]]; do answer=${answer#*$'\r\n\r\n'}; done # 100 Continue
  headers=${answer%%$'\r\n\r\n'*} dss_body=${answer#*$'\r\n\r\n'}
  [[ $dss_status == 429 || $dss_status == 5* ]] && dss_busy=yes
  if [[ $headers =~ [Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]:\ *([0-9]{1,9})$'\r' ]]; then
    dss_pause=$((BASH_REMATCH[1] > 60 ? 60 : BASH_REMATCH[1]))
  fi
  if [[ ! $dss_body =~ ^[[:space:]]*\{.*\}[[:space:]]*$ ]]; then
    dss_body='' dss_failure="$host answers $dss_status with something other than JSON"
    [ "$dss_busy" ]
    return
  fi
  dss_error=$(dss_member error_name)
  dss_error=${dss_error:-$(dss_member error)}
  if [[ -z $dss_error && ($dss_body == *'"error"'* || $dss_body == *'"error_message"'*) ]]; then
    dss_error=invalid_request # as Stack Exchange says it
  fi
  [ "$dss_error" != throttle_violation ] || dss_busy=yes
}

# dss_member NAME prints a text of the JSON in dss_body.
dss_member() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*\"(([^\"\\]|\\\\.)*)\"" text
  [[ $dss_body =~ $pattern ]] || return 0
  text=${BASH_REMATCH[1]//\\\//\/}
  printf %b "${text//\\\"/\"}"
}

# dss_number NAME USUAL MOST prints a number of the JSON in dss_body.
dss_number() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*([1-9][0-9]{0,8})[^0-9.]"
  [[ $dss_body =~ $pattern ]] || { echo "$2" && return; }
  echo $((BASH_REMATCH[1] > $3 ? $3 : BASH_REMATCH[1]))
}

# dss_token prints the token in the answer.
dss_token() {
  local token
  token=$(dss_member access_token)
  [[ $dss_status == 200 && $token =~ ^[!-~]+$ && ${#token} -le 4096 ]] || dss_refused
  printf '%s\n' "$token"
}

# dss_refused ends with the error in the answer.
dss_refused() {
  local message
  message=$(dss_member error_message)
  message=${message:-$(dss_member error_description)}
  message=${message:-$(dss_member message)} # Stack Exchange's
  message="${message:-the answer makes no sense} ($dss_status $dss_error)"
  case $dss_error in
    access_denied) dss_fail 3 "$message" ;;
    key_conflict | expired_token) dss_fail 4 "$message" ;;
    *) dss_fail $((dss_status >= 500 ? 5 : 1)) "$message" ;;
  esac
}

# dss_sleep SECONDS ends the sign-in if its time is over before.
dss_sleep() {
  local left=$((dss_deadline - SECONDS))
  ((left > 0)) || left=0
  sleep $(($1 < left ? $1 : left)) &
  dss_child=$!
  wait "$dss_child"
  (($1 < left)) || dss_fail "${dss_trouble:+$dss_trouble_status}" "${dss_trouble:-the sign-in has expired}"
}

dss_fail() {
  printf 'dss.sh: %s\n' "$(dss_clean "$2")" >&2
  exit "${1:-4}"
}

# dss_clean TEXT prints it without what could steer the terminal.
dss_clean() { printf %s "$1" | tr -d '\000-\037\177'; }

dss_check_address() {
  [[ $1 =~ ^https://[^/?#@[:space:]]+[^?#[:space:]]*$ ]] || { dss_is_local "$1" && [[ ! $1 =~ [?#[:space:]] ]]; } ||
    dss_fail 2 "'$1' must be an address such as https://auth.example.org, or on this machine"
}

dss_is_local() { [[ $1 =~ ^https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]*)?(/|$) ]]; }

dss_base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
dss_random() { openssl rand 32 | dss_base64url; }
dss_s256() { printf %s "$1" | openssl dgst -sha256 -binary | dss_base64url; }

# dss_match_code KEY prints what the page shows too: the first 30 bits of its SHA-256 in Crockford's base32.
dss_match_code() {
  local alphabet=0123456789ABCDEFGHJKMNPQRSTVWXYZ code='' shift bits
  bits=$((16#$(printf %s "$1" | openssl dgst -sha256 -r | cut -c 1-8)))
  for shift in 27 22 17 12 7 2; do code+=${alphabet:bits >> shift & 31:1}; done
  printf %s "${code:0:3}-${code:3}"
}

# dss_form NAME VALUE … prints a form.
dss_form() {
  local LC_ALL=C form='' i character
  for (( ; $#; )); do
    form+="${form:+&}$1="
    for ((i = 0; i < ${#2}; i++)); do
      character=${2:i:1}
      [[ $character =~ [A-Za-z0-9._~-] ]] || printf -v character '%%%02X' "'$character"
      form+=$character
    done
    shift 2
  done
  printf %s "$form"
}

# dss_open URL opens the browser, unless nobody would see it, as over SSH.
dss_open() {
  local opener
  [ -z "${SSH_CONNECTION-}" ] || [ -n "${DISPLAY-}${WAYLAND_DISPLAY-}${BROWSER-}" ] || return
  for opener in xdg-open open; do
    if command -v "$opener" >/dev/null; then
      "$opener" "$1" >/dev/null 2>&1 &
      return
    fi
  done
}

dss_main() {
  local server='' client='' scope='' flow=relay stackexchange='' dss_browser=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --no-browser) dss_browser='' && shift && continue ;;
      --help)
        echo '--server URL --client-id N [--scope a,b] [--flow relay|device] [--no-browser] [--stackexchange-url URL]'
        exit
        ;;
    esac
    [ $# -gt 1 ] || dss_fail 2 "$1 needs a value"
    case $1 in
      --server) server=$2 ;;
      --client-id) client=$2 ;;
      --scope) scope=$2 ;;
      --flow) flow=$2 ;;
      --stackexchange-url) stackexchange=$2 ;;
      *) dss_fail 2 "there is no $1" ;;
    esac
    shift 2
  done
  dss_sign_in "$server" "$client" "$scope" "$flow" "$stackexchange"
}

[ "${BASH_SOURCE[0]}" != "$0" ] || dss_main "$@"
