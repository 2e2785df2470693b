package config

import (
	"bytes"
	"slices"
)

// keepalivedBlocks are the words that open a block at the top of a
// keepalived.conf; no YAML key of ours is one of them.
var keepalivedBlocks = [...]string{
	"global_defs", "vrrp_instance", "vrrp_sync_group", "vrrp_script", "vrrp_track_process", "track_file",
	"virtual_server", "virtual_server_group", "bfd_instance", "static_ipaddress", "static_routes", "static_rules",
}

// keepalivedLine finds the first line that only a keepalived.conf has: a block
// word at its beginning and a brace at its end; 0: there is none.
func keepalivedLine(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if !bytes.HasSuffix(line, []byte("{")) {
			continue
		}
		word, _, _ := bytes.Cut(line[:len(line)-1], []byte(" "))
		if slices.Contains(keepalivedBlocks[:], string(word)) {
			return n
		}
	}
	return 0
}
