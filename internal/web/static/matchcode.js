// The match code of a key: the first 30 bits of the SHA-256 of its UTF-8
// bytes in Crockford base32, as XXX-XXX (docs/api.md).
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

(() => {
  const primes = (count) => {
    const found = [];
    for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime)) found.push(n);
    return found;
  };
  // The first 32 bits of the fraction of a root of each of the first primes.
  const fractions = (count, power) => Int32Array.from(primes(count), (prime) => (prime ** power % 1) * 2 ** 32);
  const initial = fractions(8, 1 / 2);
  const constants = fractions(64, 1 / 3);
  const turn = (word, by) => (word >>> by) | (word << (32 - by));

  const pad = (bytes) => {
    const words = new DataView(new ArrayBuffer(((bytes.length + 8 >> 6) + 1) * 64));
    bytes.forEach((byte, i) => words.setUint8(i, byte));
    words.setUint8(bytes.length, 0x80);
    words.setUint32(words.byteLength - 4, bytes.length * 8);
    return words;
  };

  const compress = (state, schedule) => {
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      if (i > 15) {
        const [x, y] = [schedule[i - 15], schedule[i - 2]];
        schedule[i] += schedule[i - 16] + schedule[i - 7]
          + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
      }
      const first = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + schedule[i];
      const second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [a, b, c, d, e, f, g, h] = [first + second | 0, a, b, c, d + first | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
  };

  // The first word of the SHA-256 (FIPS 180-4). A page without TLS has no
  // crypto.subtle.
  const firstWord = (bytes) => {
    const words = pad(bytes);
    const state = initial.slice();
    for (let at = 0; at < words.byteLength; at += 64) {
      compress(state, Int32Array.from({ length: 64 }, (_, i) => (i < 16 ? words.getInt32(at + i * 4) : 0)));
    }
    return state[0];
  };

  DSS.matchCode = (key) => {
    const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    const bits = firstWord(new TextEncoder().encode(key)) >>> 2;
    let code = '';
    for (let shift = 25; shift >= 0; shift -= 5) code += digits[(bits >>> shift) & 31];
    return code.slice(0, 3) + '-' + code.slice(3);
  };
})();
