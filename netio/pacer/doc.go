// Package pacer is the clock and the I/O thread of VRRP. An Engine decides
// turn by turn: it reads what arrived, carries out orders, sends what is due,
// judges which virtual routers fell silent and asks their owners for a sign of
// life. A Pacer runs the engine on a locked thread over epoll. What one owner
// has there is a line, reached by a Session: schedule, watch and counters stay
// on the line when its owner is replaced.
//
// All instants are CLOCK_MONOTONIC in nanoseconds; 0 means never.
package pacer
