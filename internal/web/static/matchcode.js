// The match code of a key: the first 30 bits of the SHA-256 of its UTF-8
// bytes in Crockford base32, as XXX-XXX (docs/api.md).
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

// Resolves to null where the browser has no SHA-256 (a page without TLS).
DSS.matchCode = async (key) => {
  if (!globalThis.crypto || !crypto.subtle) return null;
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  const bits = new DataView(hash).getUint32(0) >>> 2;
  let code = '';
  for (let shift = 25; shift >= 0; shift -= 5) code += digits[(bits >>> shift) & 31];
  return code.slice(0, 3) + '-' + code.slice(3);
};
