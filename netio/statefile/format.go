package statefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Version of the document. A reader takes no other.
const Version = 1

// MaxSize of a document in bytes. A longer one is neither written nor read.
const MaxSize = 32 << 20

// Why a document is of no use, or, with ErrElsewhere, of little.
var (
	ErrTooLong   = errors.New("too long")
	ErrCorrupt   = errors.New("corrupt")
	ErrVersion   = errors.New("of another version")
	ErrElsewhere = errors.New("of another boot or network namespace")
)

// Origin tells where instants, addresses and interfaces mean the same. The
// monotonic clock begins anew at each boot.
type Origin struct {
	Boot      string `json:"boot"`      // boot id of the kernel
	Namespace string `json:"namespace"` // network namespace
}

// Header is what is said of the content.
type Header struct {
	Origin
	Handover bool  `json:"handover"` // written at an ordered end that keeps the roles
	Written  int64 `json:"written"`  // CLOCK_MONOTONIC, nanoseconds
}

// document is the file. The checksum covers the bytes of Run as they stand in it.
type document struct {
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"` // hexadecimal
	Run     json.RawMessage `json:"run"`
}

// run is what one run of the daemon says.
type run struct {
	Header
	Content json.RawMessage `json:"content"`
}

// Format returns the document with the content v, which is encoded as JSON.
func Format(h Header, v any) ([]byte, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	body, err := json.Marshal(run{h, content})
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	doc, err := json.Marshal(document{Version, digest(body), body})
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	if doc = append(doc, '\n'); len(doc) > MaxSize {
		return nil, fmt.Errorf("state of %d bytes, %d at most: %w", len(doc), MaxSize, ErrTooLong)
	}
	return doc, nil
}

// Parse reads a document and decodes its content into v. An error wraps
// ErrTooLong, ErrVersion, ErrCorrupt or ErrElsewhere; with ErrElsewhere header
// and content are valid, but of another Origin than here.
func Parse(b []byte, here Origin, v any) (Header, error) {
	if len(b) > MaxSize {
		return Header{}, fmt.Errorf("%d bytes, %d at most: %w", len(b), MaxSize, ErrTooLong)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if d.Version != Version {
		return Header{}, fmt.Errorf("version %d, want %d: %w", d.Version, Version, ErrVersion)
	}
	if digest(d.Run) != d.SHA256 {
		return Header{}, fmt.Errorf("wrong checksum: %w", ErrCorrupt)
	}
	var r run
	if err := json.Unmarshal(d.Run, &r); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if len(r.Content) == 0 || bytes.Equal(r.Content, []byte("null")) {
		return Header{}, fmt.Errorf("no content: %w", ErrCorrupt)
	}
	if err := json.Unmarshal(r.Content, v); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	switch {
	case r.Boot != here.Boot:
		return r.Header, fmt.Errorf("written in boot %.40q: %w", r.Boot, ErrElsewhere)
	case r.Namespace != here.Namespace:
		return r.Header, fmt.Errorf("written in network namespace %.40q: %w", r.Namespace, ErrElsewhere)
	}
	return r.Header, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
