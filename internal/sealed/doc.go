// Package sealed keeps secrets' entries in a store that can read none of them.
//
// A [Store] holds opaque bytes under an [ID] until they expire. A [Slot] is the
// place in a store that belongs to a secret: its id and its sealing key are
// derived from the secret, so that whoever has the store alone has nothing.
package sealed
