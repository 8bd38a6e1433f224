// Package redis keeps entries in Redis 6.2 or newer, or in Valkey, so that
// several servers can share them: a single server, one with replicas under
// Sentinel, or a cluster.
//
// An entry is one string: eight bytes of expiry, as Unix milliseconds by the
// clock of the server that wrote it, and the value. Scripts check and change it
// in one step, and publish the entry's key on a channel that all servers listen
// to, each on a connection of its own, to wake those who wait for the entry.
//
// Every operation ends within [CallTimeout], and none is ever sent twice: an
// operation whose answer is lost reports an error, and may have happened. A
// caller who goes away does not interrupt what is under way, so that nothing is
// taken for nobody.
//
// Replication in Redis is asynchronous. What that means when a primary fails
// over is in docs/operating.md.
package redis
