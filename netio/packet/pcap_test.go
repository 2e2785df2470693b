package packet

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readPcap returns the Ethernet frames of a little-endian microsecond pcap file.
func readPcap(name string) ([][]byte, error) {
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		return nil, err
	}
	const headerSize, recordSize, magic, ethernet = 24, 16, 0xa1b2c3d4, 1
	if len(b) < headerSize || binary.LittleEndian.Uint32(b) != magic || binary.LittleEndian.Uint32(b[20:]) != ethernet {
		return nil, fmt.Errorf("%s: not a little-endian microsecond Ethernet capture", name)
	}
	var frames [][]byte
	for b = b[headerSize:]; len(b) > 0; {
		if len(b) < recordSize {
			return nil, fmt.Errorf("%s: record header cut off", name)
		}
		n, wire := int(binary.LittleEndian.Uint32(b[8:])), int(binary.LittleEndian.Uint32(b[12:]))
		if n != wire || len(b) < recordSize+n {
			return nil, fmt.Errorf("%s: packet cut off", name)
		}
		frames = append(frames, b[recordSize:recordSize+n])
		b = b[recordSize+n:]
	}
	return frames, nil
}

// captures lists all pcap files under testdata.
func captures(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.pcap")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no captures under testdata: %v", err)
	}
	for i := range paths {
		paths[i] = strings.TrimPrefix(paths[i], "testdata/")
	}
	return paths
}

// eachFrame calls f for every frame of every capture.
func eachFrame(tb testing.TB, f func(frame []byte)) {
	tb.Helper()
	for _, name := range captures(tb) {
		frames, err := readPcap(name)
		if err != nil {
			tb.Fatal(err)
		}
		for _, frame := range frames {
			f(frame)
		}
	}
}
