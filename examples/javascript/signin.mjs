// npm install openid-client; Node.js 20 or newer.
import { on, once } from 'node:events'
import { createServer } from 'node:http'
import * as oauth from 'openid-client'

const server = new URL(process.env.DSS_SERVER ?? 'https://auth.example.org')
const api = process.env.DSS_STACKEXCHANGE_API_URL ?? 'https://api.stackexchange.com/2.3'

const config = await oauth.discovery(server, process.env.DSS_CLIENT_ID, undefined, oauth.None(), {
  algorithm: 'oauth2',
  execute: server.protocol === 'http:' ? [oauth.allowInsecureRequests] : [], // for a DSS on this machine
})
const listener = createServer().listen(0, '127.0.0.1')
await once(listener, 'listening')
const redirectUri = `http://127.0.0.1:${listener.address().port}/callback`
const state = oauth.randomState()
const verifier = oauth.randomPKCECodeVerifier()
const address = oauth.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})

console.log('Sign in at', address.href)
let answer
for await (const [request, response] of on(listener, 'request')) {
  answer = new URL(request.url, redirectUri)
  const ours = answer.searchParams.get('state') === state
  const page = { null: '/done', access_denied: '/denied' }[answer.searchParams.get('error')] ?? '/failed'
  response.writeHead(ours ? 303 : 404, {
    Connection: 'close',
    ...(ours && { Location: new URL(page, server).href, 'Referrer-Policy': 'no-referrer' }),
  })
  response.end()
  if (ours) break
}
listener.close()
const token = await oauth.authorizationCodeGrant(config, answer, { pkceCodeVerifier: verifier, expectedState: state })

const me = await fetch(`${api}/me?site=stackoverflow`, {
  headers: { Authorization: `Bearer ${token.access_token}` },
})
if (!me.ok) throw new Error(await me.text())
console.log('Hello,', (await me.json()).items[0].display_name)
