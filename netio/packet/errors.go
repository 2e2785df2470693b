package packet

import "errors"

// What codecs wrap; compare with errors.Is.
var (
	ErrTruncated = errors.New("truncated")
	ErrLength    = errors.New("length does not fit")
	ErrVersion   = errors.New("version not supported")
	ErrType      = errors.New("type not supported")
	ErrChecksum  = errors.New("checksum mismatch")
	ErrForm      = errors.New("checksum form not possible here")
	ErrVRID      = errors.New("virtual router id outside 1..255")
	ErrInterval  = errors.New("advert interval out of range")
	ErrAddress   = errors.New("address missing or of the wrong kind")
	ErrCount     = errors.New("too many addresses")
	ErrOption    = errors.New("malformed option")
)
