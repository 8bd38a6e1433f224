// Package limit bounds what one client, and all clients together, may ask of the
// server, so that a flood from one address leaves the others served and guessing
// is slow. Honest users never reach the limits: docs/limits.md derives each.
//
// A client is an IPv4 address or the /64 of an IPv6 address. There are four ways
// to count:
//
//   - Rates are leaky buckets, see bucket: one for each client, and one that all
//     clients share.
//   - A guess, at a key or a user code, is paid for before the look and given back
//     if it was right, see [Guess]. Calls to Stack Exchange in vain count after
//     the answer.
//   - Deposits are a sliding window of the entries and bytes that a client has
//     stored, see window.
//   - Waiting claims and open connections are places, taken and given back.
//
// What is known of clients is in memory, of bounded size: when the table is full,
// it forgets the client that is nearest to having its whole budget again. Servers
// that share a store count wrong guesses there too, in batches, so that several
// servers do not give several times the guesses.
package limit
