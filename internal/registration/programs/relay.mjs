import { createHash, randomBytes } from 'node:crypto';

const server = '__SERVER__';
const clientID = '__CLIENT_ID__';
const signIn = '__SIGN_IN__';
const redeem = '__REDEEM__';
const me = '__ME__';

const random = () => randomBytes(32).toString('base64url');
const challenge = (verifier) => createHash('sha256').update(verifier).digest('base64url');

async function post(address, form) {
  const response = await fetch(address, { method: 'POST', body: new URLSearchParams(form) });
  return response.json();
}

// The first 30 bits of its SHA-256, for users to compare.
function matchCode(key) {
  const bits = createHash('sha256').update(key).digest().readUInt32BE() >>> 2;
  const letters = [25, 20, 15, 10, 5, 0].map((shift) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[bits >>> shift & 31]).join('');
  return letters.slice(0, 3) + '-' + letters.slice(3);
}

const keyVerifier = random(); // for DSS, which has the code
const pkceVerifier = random(); // for Stack Exchange; DSS must not see it
const key = 's256.' + challenge(keyVerifier);
console.log('Sign in at', signIn + '&' + new URLSearchParams({
  state: key, code_challenge: challenge(pkceVerifier), code_challenge_method: 'S256',
}));
console.log('The page must show the code', matchCode(key));
let answer = { error_name: 'no_token' };
while (answer.error_name === 'no_token') {
  answer = await post(server + '/auth/token', { key, verifier: keyVerifier, wait: '60' });
}
if (!answer.code) throw new Error('no access: ' + JSON.stringify(answer));
const { access_token: token } = await post(redeem, {
  client_id: clientID, code: answer.code, code_verifier: pkceVerifier, redirect_uri: server + '/auth/redirect',
});
