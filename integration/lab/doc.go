// Package lab builds small networks out of network namespaces on this host:
// routers, a client and a switch, each in a namespace of its own. It starts
// daemons in them, captures what they send with the kernel's timestamps, sends
// hand-made packets, pulls cables, and measures what a client sees. The tests
// that need real daemons use it, and so does the demo. It decides nothing about
// VRRP. It needs root, or uid 0 in a user namespace with a private /run.
package lab
