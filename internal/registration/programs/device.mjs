import { setTimeout } from 'node:timers/promises';

const server = '__SERVER__';
const clientID = '__CLIENT_ID__';
const scope = '__SCOPE__';
const me = '__ME__';

async function post(path, form) {
  const response = await fetch(server + path, { method: 'POST', body: new URLSearchParams(form) });
  return response.json();
}

const device = await post('/oauth/device_authorization', { client_id: clientID, scope });
if (!device.device_code) throw new Error('it does not start: ' + JSON.stringify(device));
console.log('Sign in at', device.verification_uri_complete, 'and compare the code', device.user_code);
let token;
let pause = device.interval;
while (!token) {
  await setTimeout(pause * 1000);
  const { access_token, error } = await post('/oauth/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: clientID, device_code: device.device_code,
  });
  token = access_token;
  if (error === 'slow_down') pause += 5;
  else if (error && error !== 'authorization_pending') throw new Error('no access: ' + error);
}
