
# Stack Exchange compresses its answers, and writes texts as in HTML.
name=$(curl -sS --compressed -H @<(printf 'Authorization: Bearer %s' "$token") "$me" |
  sed -n 's/.*"display_name": *"\([^"]*\)".*/\1/p')
echo "Hello, $name"
