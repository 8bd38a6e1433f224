// The tests of DSS do not run this program. It takes the first request to its address for the answer; an app should
// wait for the one with its state.

use oauth2::basic::BasicClient;
use oauth2::url::Url;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, TokenResponse, TokenUrl,
};
use std::io::{BufRead, BufReader, Write};
use std::{collections::HashMap, env, error::Error, net::TcpListener};

fn main() -> Result<(), Box<dyn Error>> {
    let server = env::var("DSS_SERVER").unwrap_or("https://auth.example.org".into());
    let api = env::var("DSS_STACKEXCHANGE_API_URL").unwrap_or("https://api.stackexchange.com/2.3".into());
    let http = reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
    let client = BasicClient::new(ClientId::new(env::var("DSS_CLIENT_ID")?))
        .set_auth_uri(AuthUrl::new(format!("{server}/oauth/authorize"))?)
        .set_token_uri(TokenUrl::new(format!("{server}/oauth/token"))?)
        .set_redirect_uri(RedirectUrl::new(redirect_uri.clone())?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    println!("Sign in at {address}");

    let (mut stream, _) = listener.accept()?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let target = line.split(' ').nth(1).ok_or("not HTTP")?;
    let answer: HashMap<String, String> =
        Url::parse(&redirect_uri)?.join(target)?.query_pairs().into_owned().collect();
    let page = match answer.get("error").map(String::as_str) {
        None => "/done",
        Some("access_denied") => "/denied",
        Some(_) => "/failed",
    };
    write!(
        stream,
        "HTTP/1.1 303 See Other\r\nLocation: {server}{page}\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    )?;
    if answer.get("state") != Some(state.secret()) {
        return Err("this is not the answer to our request".into());
    }
    let code = answer.get("code").ok_or("access was denied")?;
    let token = client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .set_pkce_verifier(verifier)
        .request(&http)?;

    let me: serde_json::Value =
        http.get(format!("{api}/me?site=stackoverflow")).bearer_auth(token.access_token().secret()).send()?.json()?;
    println!("Hello, {}", me["items"][0]["display_name"].as_str().ok_or("no such user")?);
    Ok(())
}
