package web

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// account turns names or numbers into ids; -1 stands for "leave unchanged".
func account(userName, groupName string) (uid, gid int, err error) {
	uid, gid = -1, -1
	if userName != "" {
		if uid, err = strconv.Atoi(userName); err != nil {
			u, err := user.Lookup(userName)
			if err != nil {
				return 0, 0, err
			}
			if uid, err = strconv.Atoi(u.Uid); err != nil {
				return 0, 0, fmt.Errorf("user %s: %w", userName, err)
			}
		}
	}
	if groupName != "" {
		if gid, err = strconv.Atoi(groupName); err != nil {
			g, err := user.LookupGroup(groupName)
			if err != nil {
				return 0, 0, err
			}
			if gid, err = strconv.Atoi(g.Gid); err != nil {
				return 0, 0, fmt.Errorf("group %s: %w", groupName, err)
			}
		}
	}
	return uid, gid, nil
}

// peerCred asks the kernel who is at the other end.
func peerCred(conn net.Conn) (*unix.Ucred, bool) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil, false
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || err != nil {
		return nil, false
	}
	return cred, true
}

// peerPID is the process that listens at the other end; 0 when not known.
func peerPID(conn net.Conn) int {
	if c, ok := peerCred(conn); ok {
		return int(c.Pid)
	}
	return 0
}

type callerKey struct{}

// withCaller keeps the user id of a connection for the log of orders.
func withCaller(ctx context.Context, conn net.Conn) context.Context {
	if l, ok := conn.(*limitedConn); ok {
		conn = l.Conn
	}
	if c, ok := peerCred(conn); ok {
		return context.WithValue(ctx, callerKey{}, int(c.Uid))
	}
	return ctx
}

// caller is the user id behind a request; -1 when not known.
func caller(ctx context.Context) int {
	if uid, ok := ctx.Value(callerKey{}).(int); ok {
		return uid
	}
	return -1
}
