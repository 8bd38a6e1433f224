// Random secrets and their challenges (RFC 7636 sections 4.1 and 4.2).
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

(() => {
  const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

  // 256 random bits in 43 characters.
  DSS.randomSecret = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

  DSS.challenge = async (verifier) =>
    base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
})();
