package config

import (
	"strings"

	"github.com/understudy-ha/understudy/config/typo"
)

// unknown reports a key that no field takes.
func (d *decoder) unknown(e *entry, path *keyPath, names []string) {
	if d.full() {
		return
	}
	at := e.at(path)
	if notBuilt(path.pattern()) {
		d.errorf(at, "not built yet; remove it")
		return
	}
	if s := suggest(e.key, names); s != "" {
		d.errorf(at, "unknown key; did you mean %s?", s)
		return
	}
	d.errorf(at, "unknown key; allowed here: %s", strings.Join(names, ", "))
}

// suggest returns the allowed key that was probably meant: one typing error
// away, or one that the key begins, or two errors away.
func suggest(key string, names []string) string {
	if len(key) < 3 {
		return ""
	}
	best, distance := "", 3
	for _, name := range names {
		if n := typo.Distance(key, name, distance); n < distance {
			best, distance = name, n
		}
	}
	if distance == 1 {
		return best
	}
	for _, name := range names {
		if strings.HasPrefix(name, key) || strings.HasPrefix(key, name) {
			return name
		}
	}
	if len(key) > 3 {
		return best
	}
	return "" // two errors in three letters are another word
}
