package typo

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		claim string
		a, b  string
		limit int
		want  int
	}{
		{"equal", "priority", "priority", 3, 0},
		{"one replaced", "priority", "prioritx", 3, 1},
		{"one inserted", "vrid", "vrrid", 3, 1},
		{"one deleted", "interface", "interace", 3, 1},
		{"two swapped are two", "vrid", "vird", 3, 2},
		{"the limit ends the count", "abcdef", "uvwxyz", 3, 3},
		{"so does the length alone", "a", "abcdefgh", 3, 3},
		{"both empty", "", "", 3, 0},
		{"one empty", "", "ab", 3, 2},
	} {
		if got := Distance(tc.a, tc.b, tc.limit); got != tc.want {
			t.Errorf("%s: %q to %q is %d, want %d", tc.claim, tc.a, tc.b, got, tc.want)
		}
	}
}

// The distance is symmetric, within the limit, and 0 for the same word alone.
func TestDistanceIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab_]{0,8}`)
		a, b, limit := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(1, 9).Draw(t, "limit")
		d := Distance(a, b, limit)
		if d != Distance(b, a, limit) || d < 0 || d > limit || (d == 0) != (a == b) {
			t.Errorf("%q to %q within %d is %d", a, b, limit, d)
		}
	})
}
