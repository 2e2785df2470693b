// Package rawsock holds the sockets that carry VRRP adverts and link-layer
// announcements. Each is made with plain system calls and never handed to Go's
// network poller, which would wake a second thread for every packet: the
// pacer's thread waits for them itself. A socket belongs to the network
// namespace of the thread that opened it.
package rawsock
