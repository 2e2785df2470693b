package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func testIPv4(payloadLength int) IPv4Header {
	return IPv4Header{TOS: 0xc0, PayloadLength: payloadLength, ID: 7, TTL: 255, Protocol: ProtocolVRRP, Src: testSrc, Dst: testGroup}
}

func TestParseIPv4RefusesMalformedHeaders(t *testing.T) {
	resum := func(b []byte, size int) []byte {
		b[10], b[11] = 0, 0
		c := ^fold(sum(0, b[:size]))
		b[10], b[11] = byte(c>>8), byte(c)
		return b
	}
	for _, tc := range []struct {
		name string
		edit func(b []byte) []byte
		want error
	}{
		{"19 bytes", func(b []byte) []byte { return b[:19] }, ErrTruncated},
		{"version 6", func(b []byte) []byte { b[0] = 0x65; return resum(b, 20) }, ErrVersion},
		{"header length 16", func(b []byte) []byte { b[0] = 0x44; return resum(b, 16) }, ErrLength},
		{"total length below header length", func(b []byte) []byte { b[3] = 19; return resum(b, 20) }, ErrLength},
		{"total length above what there is", func(b []byte) []byte { b[3]++; return resum(b, 20) }, ErrTruncated},
		{"options beyond what there is", func(b []byte) []byte { b[0] = 0x4f; b[3] = 60; return resum(b, 20) }, ErrTruncated},
		{"a flipped bit", func(b []byte) []byte { b[8]--; return b }, ErrChecksum},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := testIPv4(4).AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			if h, rest, err := ParseIPv4(tc.edit(append(b, 1, 2, 3, 4))); !errors.Is(err, tc.want) {
				t.Errorf("parsed %+v with %x behind, error %v, want %v", h, rest, err, tc.want)
			}
		})
	}
}

func TestAppendIPv4RefusesWhatTheHeaderCannotSay(t *testing.T) {
	for _, tc := range []struct {
		name  string
		alter func(h *IPv4Header)
		want  error
	}{
		{"ipv6 source", func(h *IPv4Header) { h.Src = testSrc6 }, ErrAddress},
		{"no destination", func(h *IPv4Header) { h.Dst = netip.Addr{} }, ErrAddress},
		{"44 bytes of options", func(h *IPv4Header) { h.Options = make([]byte, 44) }, ErrLength},
		{"options end in mid-word", func(h *IPv4Header) { h.Options = make([]byte, 3) }, ErrLength},
		{"negative payload", func(h *IPv4Header) { h.PayloadLength = -1 }, ErrLength},
		{"a payload of 64 KiB", func(h *IPv4Header) { h.PayloadLength = 0xffff - 19 }, ErrLength},
	} {
		h := testIPv4(0)
		tc.alter(&h)
		if b, err := h.AppendBinary(nil); !errors.Is(err, tc.want) || b != nil {
			t.Errorf("%s: appended %x, error %v, want %v", tc.name, b, err, tc.want)
		}
	}
}

func TestParseIPv4LeavesPaddingBehindThePayload(t *testing.T) {
	b, err := testIPv4(2).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	h, rest, err := ParseIPv4(append(b, 1, 2, 0, 0, 0))
	if err != nil || h.PayloadLength != 2 || !bytes.Equal(rest, []byte{1, 2, 0, 0, 0}) {
		t.Errorf("payload length %d, rest %x, error %v", h.PayloadLength, rest, err)
	}
}

func TestEveryIPv4HeaderParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := IPv4Header{
			TOS:           rapid.Uint8().Draw(t, "tos"),
			PayloadLength: rapid.IntRange(0, 100).Draw(t, "length"),
			ID:            rapid.Uint16().Draw(t, "id"),
			Fragment:      rapid.Uint16().Draw(t, "fragment"),
			TTL:           rapid.Uint8().Draw(t, "ttl"),
			Protocol:      rapid.Uint8().Draw(t, "protocol"),
			Src:           drawAddr(t, false, "source"),
			Dst:           drawAddr(t, false, "destination"),
		}
		n := 4 * rapid.IntRange(0, 10).Draw(t, "option words")
		h.Options = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "options")
		b, err := h.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		payload := bytes.Repeat([]byte{0xa5}, h.PayloadLength)
		got, rest, err := ParseIPv4(append(b, payload...))
		if err != nil || !equalIPv4(got, h) || !bytes.Equal(rest, payload) {
			t.Fatalf("parsed %+v with %x behind, %v, want %+v", got, rest, err, h)
		}
	})
}

func equalIPv4(a, b IPv4Header) bool {
	same := bytes.Equal(a.Options, b.Options)
	a.Options, b.Options = nil, nil
	return same && a.TOS == b.TOS && a.PayloadLength == b.PayloadLength && a.ID == b.ID && a.Fragment == b.Fragment &&
		a.TTL == b.TTL && a.Protocol == b.Protocol && a.Src == b.Src && a.Dst == b.Dst
}

func TestIPv6HeaderLimits(t *testing.T) {
	good := IPv6Header{PayloadLength: 2, NextHeader: ProtocolVRRP, HopLimit: 255, Src: testSrc6, Dst: testDst6}
	for _, tc := range []struct {
		name  string
		alter func(h *IPv6Header)
		want  error
	}{
		{"ipv4 source", func(h *IPv6Header) { h.Src = testSrc }, ErrAddress},
		{"no destination", func(h *IPv6Header) { h.Dst = netip.Addr{} }, ErrAddress},
		{"negative payload", func(h *IPv6Header) { h.PayloadLength = -1 }, ErrLength},
		{"a payload of 64 KiB", func(h *IPv6Header) { h.PayloadLength = 0x10000 }, ErrLength},
		{"a flow label of 21 bits", func(h *IPv6Header) { h.FlowLabel = 0x100000 }, ErrLength},
	} {
		h := good
		tc.alter(&h)
		if b, err := h.AppendBinary(nil); !errors.Is(err, tc.want) || b != nil {
			t.Errorf("append, %s: %x, error %v, want %v", tc.name, b, err, tc.want)
		}
	}
	for _, tc := range []struct {
		name string
		edit func(b []byte) []byte
		want error
	}{
		{"39 bytes", func(b []byte) []byte { return b[:39] }, ErrTruncated},
		{"a payload cut off", func(b []byte) []byte { return b[:41] }, ErrTruncated},
		{"version 4", func(b []byte) []byte { b[0] = 0x45; return b }, ErrVersion},
	} {
		b, err := good.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if h, _, err := ParseIPv6(tc.edit(append(b, 1, 2))); !errors.Is(err, tc.want) {
			t.Errorf("parse, %s: %+v, error %v, want %v", tc.name, h, err, tc.want)
		}
	}
}

func TestEveryIPv6HeaderParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := IPv6Header{
			TrafficClass:  rapid.Uint8().Draw(t, "class"),
			FlowLabel:     rapid.Uint32Range(0, 0xfffff).Draw(t, "flow"),
			PayloadLength: rapid.IntRange(0, 100).Draw(t, "length"),
			NextHeader:    rapid.Uint8().Draw(t, "next"),
			HopLimit:      rapid.Uint8().Draw(t, "hops"),
			Src:           drawAddr(t, true, "source"),
			Dst:           drawAddr(t, true, "destination"),
		}
		b, err := h.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := ParseIPv6(append(b, make([]byte, h.PayloadLength+3)...))
		if err != nil || got != h || len(rest) != h.PayloadLength+3 {
			t.Fatalf("parsed %+v with %d bytes behind, %v, want %+v", got, len(rest), err, h)
		}
	})
}

func TestParseEthernetNeedsAWholeHeader(t *testing.T) {
	if e, _, err := ParseEthernet(make([]byte, 13)); !errors.Is(err, ErrTruncated) {
		t.Errorf("13 bytes: %+v, %v, want %v", e, err, ErrTruncated)
	}
}
