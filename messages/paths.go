// Package messages is what one actor may say to another: plain structs, one
// file per conversation. A fact is named in the past tense, an order in the
// imperative. They are sent as pointers and never changed after sending.
package messages

import (
	"net/url"

	"github.com/understudy-ha/understudy/config"
)

// Paths of the actors that exist once.
const (
	PathPacer   = "/net/pacer"
	PathLink    = "/net/link"
	PathAddress = "/net/address"
	PathInbox   = "/net/inbox" // children: /net/inbox/vrrp4, /net/inbox/vrrp6
	PathVRRP    = "/vrrp"
	PathInspect = "/edge/inspect"
	PathReload  = "/edge/reload"
	PathAdmin   = "/edge/admin"
	PathChaos   = "/edge/chaos"
)

// InstancePath is the path of the actor of a VRRP instance.
func InstancePath(name string) string { return config.InstancePath(name) }

// InboxPath is the path of the reader of a family.
func InboxPath(ipv6 bool) string {
	if ipv6 {
		return PathInbox + "/vrrp6"
	}
	return PathInbox + "/vrrp4"
}

// Escape percent-encodes the bytes of a name outside A-Za-z0-9_.:- and no others.
func Escape(name string) string { return config.Escape(name) }

// Unescape undoes Escape.
func Unescape(s string) (string, error) { return url.PathUnescape(s) }
