package kernel

import (
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Link is the state of a network interface.
type Link struct {
	Index     int
	Name      string
	MAC       [6]byte
	HasMAC    bool // a 6-byte hardware address that is not zero, and not NOARP
	MTU       int
	Loopback  bool
	Multicast bool
	Up        bool // IFF_UP and IFF_RUNNING
}

// parseLink reads the body of RTM_NEWLINK or RTM_DELLINK; false: malformed, or
// not about the interface itself: a bridge reports its ports with messages of
// the same type, a port that leaves it with RTM_DELLINK.
func parseLink(b []byte) (Link, bool) {
	if len(b) < unix.SizeofIfInfomsg || b[0] == unix.AF_BRIDGE {
		return Link{}, false
	}
	flags := binary.NativeEndian.Uint32(b[8:])
	l := Link{
		Index:     int(int32(binary.NativeEndian.Uint32(b[4:]))),
		Loopback:  flags&unix.IFF_LOOPBACK != 0,
		Multicast: flags&unix.IFF_MULTICAST != 0,
		Up:        flags&unix.IFF_UP != 0 && flags&unix.IFF_RUNNING != 0,
	}
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = text(v)
		case unix.IFLA_MTU:
			if len(v) >= 4 {
				l.MTU = int(binary.NativeEndian.Uint32(v))
			}
		case unix.IFLA_ADDRESS:
			if len(v) == 6 {
				l.MAC = [6]byte(v)
				l.HasMAC = l.MAC != [6]byte{} && flags&unix.IFF_NOARP == 0
			}
		}
	}
	return l, l.Index > 0 && l.Name != ""
}

// Facts is what the judgement of a configuration needs of an interface.
type Facts struct {
	Loopback bool
	MTU      int // octets
}

// InterfaceByName reads the facts about an interface of the calling thread's
// network namespace. The error tells that there is none or that it cannot be read.
func InterfaceByName(name string) (Facts, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return Facts{}, fmt.Errorf("read interface %s: %w", name, err)
	}
	return Facts{Loopback: i.Flags&net.FlagLoopback != 0, MTU: i.MTU}, nil
}
