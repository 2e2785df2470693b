package kernel

import (
	"bytes"
	"encoding/binary"
	"iter"
	"syscall"

	"golang.org/x/sys/unix"
)

// align is the alignment of netlink messages and attributes (linux/netlink.h).
const align = 4

func aligned(n int) int { return (n + align - 1) &^ (align - 1) }

// appendMessage begins a message; finish gives it its length.
func appendMessage(b []byte, kind, flags uint16) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0) // sequence and port
}

// finish writes the length of the one message that fills b.
func finish(b []byte) { binary.NativeEndian.PutUint32(b, uint32(len(b))) }

func setSeq(b []byte, seq uint32) { binary.NativeEndian.PutUint32(b[8:], seq) }

func appendAttr(b []byte, kind uint16, v []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(v)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, v...)
	for range aligned(len(v)) - len(v) {
		b = append(b, 0)
	}
	return b
}

// attributes walks the attributes in b and stops at the first malformed one.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			n := int(binary.NativeEndian.Uint16(b))
			if n < 4 || n > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[4:n]) {
				return
			}
			b = b[min(aligned(n), len(b)):]
		}
	}
}

// message is one netlink message.
type message struct {
	kind, flags uint16
	seq, port   uint32
	body        []byte
}

// messagesIn walks the messages of one datagram and stops at the first malformed one.
func messagesIn(b []byte) iter.Seq[message] {
	return func(yield func(message) bool) {
		for len(b) >= headerSize {
			n := int(binary.NativeEndian.Uint32(b))
			if n < headerSize || n > len(b) {
				return
			}
			m := message{
				kind:  binary.NativeEndian.Uint16(b[4:]),
				flags: binary.NativeEndian.Uint16(b[6:]),
				seq:   binary.NativeEndian.Uint32(b[8:]),
				port:  binary.NativeEndian.Uint32(b[12:]),
				body:  b[headerSize:n],
			}
			if !yield(m) {
				return
			}
			b = b[min(aligned(n), len(b)):]
		}
	}
}

// refusal is an error of the kernel about one message.
type refusal struct {
	errno syscall.Errno
	text  string // the kernel's own words, may be empty
}

func (r refusal) Error() string {
	if r.text == "" {
		return r.errno.Error()
	}
	return r.errno.Error() + ": " + r.text
}

func (r refusal) Unwrap() error { return r.errno }

// parseError reads NLMSG_ERROR; nil: the message was an acknowledgement.
func parseError(m message) error {
	if len(m.body) < 4 {
		return refusal{errno: unix.EBADMSG}
	}
	code := -int32(binary.NativeEndian.Uint32(m.body))
	if code == 0 {
		return nil
	}
	r := refusal{errno: syscall.Errno(code)}
	const msgAttr = 1 // NLMSGERR_ATTR_MSG
	if m.flags&unix.NLM_F_ACK_TLVS == 0 || len(m.body) < 4+headerSize {
		return r
	}
	skip := headerSize
	if m.flags&unix.NLM_F_CAPPED == 0 { // the whole request is repeated
		skip = aligned(int(binary.NativeEndian.Uint32(m.body[4:])))
	}
	if skip < headerSize || 4+skip > len(m.body) {
		return r
	}
	for kind, v := range attributes(m.body[4+skip:]) {
		if kind == msgAttr {
			r.text = text(v)
		}
	}
	return r
}

// text is a NUL-terminated string.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
