import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const server = '__SERVER__';
const clientID = '__CLIENT_ID__';
const scope = '__SCOPE__';
const me = '__ME__';

const random = () => randomBytes(32).toString('base64url');
const state = random();
const verifier = random();

const listener = createServer().listen(0, '127.0.0.1');
await once(listener, 'listening');
const redirectURI = `http://127.0.0.1:${listener.address().port}/callback`;
const answer = new Promise((resolve) => {
  listener.on('request', (request, response) => {
    const query = new URL(request.url, redirectURI).searchParams;
    const expected = query.get('state') === state;
    const page = { null: '/done', access_denied: '/denied' }[query.get('error')] ?? '/failed';
    response.writeHead(expected ? 303 : 404, { Connection: 'close', ...expected && { Location: server + page } });
    response.end();
    if (expected) resolve(query);
  });
});
console.log('Sign in at', server + '/oauth/authorize?' + new URLSearchParams({
  response_type: 'code', client_id: clientID, redirect_uri: redirectURI, scope, state,
  code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
}));
const code = (await answer).get('code');
listener.close();
if (!code) throw new Error('no access: ' + (await answer).get('error'));

const response = await fetch(server + '/oauth/token', {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'authorization_code', client_id: clientID, code, redirect_uri: redirectURI, code_verifier: verifier,
  }),
});
const { access_token: token } = await response.json();
