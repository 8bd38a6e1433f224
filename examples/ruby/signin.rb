# gem install oauth2
#
# The tests of DSS do not run this program. It takes the first request to its address for the answer; an app should
# wait for the one with its state.
require "base64"
require "digest"
require "oauth2"
require "securerandom"
require "socket"
require "uri"

$stdout.sync = true
server = ENV.fetch("DSS_SERVER", "https://auth.example.org")
api = ENV.fetch("DSS_STACKEXCHANGE_API_URL", "https://api.stackexchange.com/2.3")

listener = TCPServer.new("127.0.0.1", 0)
redirect_uri = "http://127.0.0.1:#{listener.addr[1]}/callback"
client = OAuth2::Client.new(ENV.fetch("DSS_CLIENT_ID"), nil, site: server, auth_scheme: :request_body)
state = SecureRandom.urlsafe_base64
verifier = SecureRandom.urlsafe_base64(48)
challenge = Base64.urlsafe_encode64(Digest::SHA256.digest(verifier), padding: false)
puts "Sign in at " + client.auth_code.authorize_url(
  redirect_uri: redirect_uri, state: state, code_challenge: challenge, code_challenge_method: "S256"
)

socket = listener.accept
answer = URI.decode_www_form(URI(socket.gets.split[1]).query.to_s).to_h
page = { nil => "/done", "access_denied" => "/denied" }.fetch(answer["error"], "/failed")
socket.write "HTTP/1.1 303 See Other\r\nLocation: #{server}#{page}\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
socket.close
abort "this is not the answer to our request" unless answer["state"] == state
abort "#{answer["error"]}: #{answer["error_description"]}" unless answer["code"]
token = client.auth_code.get_token(answer["code"], redirect_uri: redirect_uri, code_verifier: verifier)

me = token.get("#{api}/me?site=stackoverflow").parsed
puts "Hello, #{me["items"][0]["display_name"]}"
