// Package web is the admin API of the daemon: HTTP/1.1 and JSON over a Unix
// socket, which is also the lock that keeps a second daemon away. It asks a
// Backend for everything and knows no actor; cmd wires the two together.
package web
