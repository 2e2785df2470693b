// Package statefile keeps what one run of the daemon leaves to the next: one
// JSON document in the state directory, versioned, with a checksum and the boot
// it was written in. What the document says is the caller's; only this package
// touches the disk for it.
package statefile
