// Signs in with oauth4webapi and ends the token again. It prints the address
// that the user is to visit and reads where the visit has ended.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import * as oauth from "oauth4webapi";

const app = JSON.parse(process.argv[2]);
const client = { client_id: app.client_id };
const nobody = oauth.None();
const options = { [oauth.allowInsecureRequests]: true }; // for http on loopback
const scope = app.scope === "" ? {} : { scope: app.scope };

async function visit(address) {
  const input = createInterface({ input: process.stdin });
  console.log(`VISIT ${address}`);
  const [line] = await once(input, "line");
  input.close();
  return line;
}

async function discover() {
  const issuer = new URL(app.server);
  const response = await oauth.discoveryRequest(issuer, { ...options, algorithm: app.discovery });
  return oauth.processDiscoveryResponse(issuer, response);
}

async function codeGrant(as) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const address = new URL(as.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    response_type: "code",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    ...scope,
  });
  const answer = oauth.validateAuthResponse(as, client, new URL(await visit(address)), state);
  const response = await oauth.authorizationCodeGrantRequest(as, client, nobody, answer, app.redirect_uri, verifier, options);
  return oauth.processAuthorizationCodeResponse(as, client, response);
}

async function deviceGrant(as) {
  const asked = await oauth.deviceAuthorizationRequest(as, client, nobody, scope, options);
  const device = await oauth.processDeviceAuthorizationResponse(as, client, asked);
  const poll = async () => {
    const response = await oauth.deviceCodeGrantRequest(as, client, nobody, device.device_code, options);
    return oauth.processDeviceCodeResponse(as, client, response);
  };
  const early = await poll().catch((error) => error.error);
  if (early !== "authorization_pending") throw new Error(`a poll before the visit gets ${early}`);
  await visit(device.verification_uri_complete);
  await setTimeout(device.interval * 1000); // what RFC 8628 demands of a device
  return poll();
}

async function callAPI(token) {
  const address = new URL("/sandbox/2.3/me?site=stackoverflow", app.server);
  return (await oauth.protectedResourceRequest(token, "GET", address, undefined, undefined, options)).status;
}

async function signIn() {
  const as = await discover();
  const token = await (app.grant === "code" ? codeGrant(as) : deviceGrant(as));
  const api = await callAPI(token.access_token);
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, nobody, token.access_token, options));
  return { ...token, api };
}

const result = await signIn().catch((error) => {
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) return { error: error.error };
  throw error;
});
console.log(JSON.stringify(result));
