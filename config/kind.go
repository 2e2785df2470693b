package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// scalarKind builds a kind whose values are single words.
func scalarKind[V any](want string, read func(n *node) (V, bool)) kind[V] {
	return kind[V]{want: want, decode: func(d *decoder, n *node, at place, into *V) (ok bool) {
		if *into, ok = read(n); !ok {
			d.wrong(n, at, want)
		}
		return ok
	}}
}

var boolKind = scalarKind("true or false", func(n *node) (bool, bool) {
	return n.kind == boolNode && strings.EqualFold(n.text, "true"), n.kind == boolNode
})

// integer is a whole number from low to high.
func integer(low, high int64) kind[int] {
	want := fmt.Sprintf("an integer %d..%d", low, high)
	if low == high {
		want = fmt.Sprintf("the integer %d", low)
	}
	return scalarKind(want, func(n *node) (int, bool) {
		if n.kind != intNode {
			return 0, false
		}
		v, ok := n.integer()
		return int(v), ok && v >= low && v <= high
	})
}

// text is a string of low to high octets; high 0: no limit but the line's.
func text(low, high int) kind[string] {
	want := "a string"
	if high > 0 {
		want = fmt.Sprintf("a string of %d..%d characters", low, high)
	}
	return stringKind(want, func(s string) bool {
		return len(s) >= low && (high == 0 || len(s) <= high) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' })
	})
}

// stringKind is a string that ok accepts. A bare number or boolean needs quotes.
func stringKind(want string, ok func(string) bool) kind[string] {
	return kind[string]{want: want, decode: func(d *decoder, n *node, at place, into *string) bool {
		switch n.kind {
		case boolNode, intNode, floatNode:
			d.errorf(at, "found %s, want %s (write %q)", n.found(), want, n.text)
			return false
		case stringNode:
			if ok(n.text) {
				*into = n.text
				return true
			}
		}
		d.wrong(n, at, want)
		return false
	}}
}

// word is one of the given words.
func word[V any](words []string, values []V) kind[V] {
	return scalarKind(strings.Join(words, " | "), func(n *node) (v V, ok bool) {
		for i, w := range words {
			// true and false are words of some lists.
			if n.text == w && (n.kind == stringNode || n.kind == boolNode) {
				return values[i], true
			}
		}
		return v, false
	})
}

const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-"

var nameKind = stringKind("a name: 1..31 of A-Za-z0-9_.:-", func(s string) bool {
	return s != "" && len(s) <= 31 && strings.Trim(s, nameBytes) == ""
})

// interfaceKind is a name as the kernel allows it. Its blanks are those of
// Latin-1, so that an octet a0 is one inside any letter too.
var interfaceKind = stringKind("an interface name: 1..15 characters, no / : or blank", func(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." && !strings.ContainsAny(s, "/: \t\n\v\f\r\x00") && strings.IndexByte(s, 0xa0) < 0
})

var accountKind = stringKind("the name of an account or group", func(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsAny(s, ": /\t\n\x00")
})

var absoluteKind = stringKind("an absolute path", func(s string) bool { return filepath.IsAbs(s) })

var pathKind = stringKind("a path", func(s string) bool { return s != "" })

// octal is a quoted octal number up to 0777.
var octalKind = kind[uint32]{
	want: `an octal string "0000".."0777"`,
	decode: func(d *decoder, n *node, at place, into *uint32) bool {
		v, err := strconv.ParseUint(n.text, 8, 32)
		switch {
		case n.kind == stringNode && err == nil && v <= 0o777:
			*into = uint32(v)
			return true
		case n.kind == intNode && err == nil && v <= 0o777:
			d.errorf(at, `found the number %s, want an octal string (write "%04o")`, n.text, v)
		default:
			d.wrong(n, at, `an octal string "0000".."0777"`)
		}
		return false
	},
}

// span is a duration from low to high in steps of step. zero allows 0s too.
type span struct {
	low, high, step time.Duration
	zero            bool
}

func (s span) want() string {
	w := fmt.Sprintf("a duration %s..%s", brief(s.low), brief(s.high))
	if s.zero {
		w = fmt.Sprintf("a duration 0s or %s..%s", brief(s.low), brief(s.high))
	}
	if s.step == time.Second {
		w += " in whole seconds"
	} else if s.step > time.Microsecond {
		w += " in multiples of " + brief(s.step)
	}
	return w
}

func (s span) holds(d time.Duration) bool {
	if d == 0 && s.zero {
		return true
	}
	return d >= s.low && d <= s.high && d%s.step == 0
}

// brief writes a duration without empty parts and with seconds as largest
// unit, as the documentation does.
func brief(d time.Duration) string {
	if d >= time.Second || d == 0 {
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
	}
	return d.String()
}

// duration is a Go duration inside s.
func duration(s span) kind[time.Duration] { return durationWanted(s, s.want()) }

func durationWanted(s span, want string) kind[time.Duration] {
	return kind[time.Duration]{want: want, decode: func(d *decoder, n *node, at place, into *time.Duration) bool {
		switch n.kind {
		case intNode, floatNode:
			d.errorf(at, "found %s without a unit, want %s (write %s)", n.found(), want, clip(n.text)+"s")
			return false
		case stringNode:
			if v, err := time.ParseDuration(n.text); err == nil && s.holds(v) {
				*into = v
				return true
			}
		}
		d.wrong(n, at, want)
		return false
	}}
}

// seconds is a whole number of seconds.
func seconds(low, high int64) kind[time.Duration] {
	return duration(span{low: time.Duration(low) * time.Second, high: time.Duration(high) * time.Second, step: time.Second})
}

// lifetimeKind is a number of whole seconds that fits 32 bits, or forever.
var lifetimeKind = foreverOr(span{high: (1<<32 - 2) * time.Second, step: time.Second})

func foreverOr(s span) kind[time.Duration] {
	k := durationWanted(s, "forever or "+s.want())
	decode := k.decode
	k.decode = func(d *decoder, n *node, at place, into *time.Duration) bool {
		if n.kind == stringNode && n.text == "forever" {
			*into = Forever
			return true
		}
		return decode(d, n, at, into)
	}
	return k
}
