package statefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type content struct {
	Names []string `json:"names"`
	Note  string   `json:"note"`
}

var here = Origin{Boot: "b1", Namespace: "net:[1]"}

func sample(t *testing.T) []byte {
	t.Helper()
	b, err := Format(Header{Origin: here, Handover: true, Written: 7}, content{[]string{"a", "b"}, "<&>é "})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	var got content
	h, err := Parse(sample(t), here, &got)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Header{here, true, 7}); h != want {
		t.Errorf("header %+v, want %+v", h, want)
	}
	if want := (content{[]string{"a", "b"}, "<&>é "}); !reflect.DeepEqual(got, want) {
		t.Errorf("content %+v, want %+v", got, want)
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	good := sample(t)
	var want content
	wantHeader, err := Parse(good, here, &want)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			var got content
			h, err := Parse(bad, here, &got)
			// A key spelled in capitals is the same key; white space is none of the content.
			if err == nil && (h != wantHeader || !reflect.DeepEqual(got, want)) {
				t.Errorf("byte %d bit %d: read as %+v %+v", i, bit, h, got)
			}
		}
	}
}

func TestUselessDocumentsSayWhy(t *testing.T) {
	good := string(sample(t))
	cut := func(old, replacement string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s has no %s", good, old)
		}
		return strings.Replace(good, old, replacement, 1)
	}
	for _, row := range []struct {
		name, doc string
		here      Origin
		want      error
		says      string
	}{
		{"empty", "", here, ErrCorrupt, "unexpected end"},
		{"cut off", good[:len(good)/2], here, ErrCorrupt, "unexpected end"},
		{"two documents", good + good, here, ErrCorrupt, "after top-level value"},
		{"not JSON", "state: 1", here, ErrCorrupt, "invalid character"},
		{"another version", cut(`"version":1`, `"version":2`), here, ErrVersion, "version 2, want 1"},
		{"without version", `{"sha256":"","run":{}}`, here, ErrVersion, "version 0"},
		{"changed content", cut(`"a"`, `"c"`), here, ErrCorrupt, "checksum"},
		{"changed flag", cut(`"handover":true`, `"handover":false`), here, ErrCorrupt, "checksum"},
		{"another boot", good, Origin{"b2", here.Namespace}, ErrElsewhere, `boot "b1"`},
		{"another namespace", good, Origin{here.Boot, "net:[2]"}, ErrElsewhere, `namespace "net:[1]"`},
		{"too long", strings.Repeat(" ", MaxSize+1), here, ErrTooLong, "33554432 at most"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got content
			_, err := Parse([]byte(row.doc), row.here, &got)
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("error %q, want %q with %q", err, row.want, row.says)
			}
			if filled := len(got.Names) > 0; filled != errors.Is(err, ErrElsewhere) {
				t.Errorf("content filled: %t", filled)
			}
		})
	}
}

func TestNothingTooLongIsWritten(t *testing.T) {
	if _, err := Format(Header{}, strings.Repeat("x", MaxSize)); !errors.Is(err, ErrTooLong) {
		t.Errorf("error %v, want %v", err, ErrTooLong)
	}
}

// FuzzParse: nothing panics, and what is read is written and read the same.
func FuzzParse(f *testing.F) {
	for _, v := range []any{content{}, []int{1, 2}, "x", map[string]any{"a": nil, "<": 1.5}} {
		b, err := Format(Header{Origin: here}, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b[:len(b)-3], false)
		body, err := json.Marshal(run{Header{here, false, 1}, json.RawMessage(`[ 1 ]`)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal { // let the fuzzer behind the checksum
			d, err := json.Marshal(document{Version, digest(b), b})
			if err != nil {
				return
			}
			b = d
		}
		var got any
		h, err := Parse(b, here, &got)
		if err != nil && !errors.Is(err, ErrElsewhere) {
			return
		}
		again, err := Format(h, got)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		var second any
		h2, err := Parse(again, h.Origin, &second)
		if err != nil || h2 != h || !reflect.DeepEqual(got, second) {
			t.Fatalf("read %+v %v, then %+v %v: %v", h, got, h2, second, err)
		}
	})
}
