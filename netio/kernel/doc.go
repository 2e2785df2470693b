// Package kernel is rtnetlink as this program needs it: a writer of addresses
// that announces what it added in the same breath, a monitor that never loses
// track of links and addresses, and a reader that dumps them. It decides
// nothing: what to write is the order of the address actor.
package kernel
