package packet

import (
	"bytes"
	"testing"
)

func TestSumOfRFC1071(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    []byte
		want uint16
	}{
		{"nothing", nil, 0},
		{"the example of section 3", []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0xddf2},
		{"a last byte counts as the high one", []byte{0x00, 0x01, 0xf2}, 0xf201},
		{"the carry of a carry", []byte{0xff, 0xff, 0x00, 0x01}, 0x0001},
		{"64 KiB of ones", bytes.Repeat([]byte{0xff}, 1<<16), 0xffff},
	} {
		if got := fold(sum(0, tc.b)); got != tc.want {
			t.Errorf("%s: sum %#04x, want %#04x", tc.name, got, tc.want)
		}
	}
}
