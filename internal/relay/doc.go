// Package relay is the domain of the key relay: an authorization response is
// deposited under a key that an app chose, and the app claims it, once.
//
// The package knows neither HTTP nor SQL. It validates keys and responses,
// derives from each key the [ID] under which its entry is stored and the key
// that seals it, and holds the rules: who may claim, how long an entry lives,
// what happens when two responses meet under one key. A [Store] keeps the
// sealed bytes.
package relay
