package web

import (
	"errors"
	"strings"
	"testing"

	"github.com/understudy-ha/understudy/messages"
)

func objects(names ...string) []messages.Object {
	var out []messages.Object
	for _, n := range names {
		out = append(out, messages.Object{Kind: "vrrp", Name: n, Path: messages.InstancePath(n)})
	}
	return append(out,
		messages.Object{Kind: "group", Name: "web", Path: "/vrrp/group/web"},
		messages.Object{Kind: "actor", Name: "/net/link", Path: "/net/link"})
}

func TestResolve(t *testing.T) {
	known := objects("web", "mail", "a b", "vrrp/mail", "/net/link", ".")
	for _, tc := range []struct {
		claim, kind, name string
		path, fails       string
	}{
		{"a bare name", "", "a b", "/vrrp/instance/a%20b", ""},
		{"an encoded name", "", "a%20b", "/vrrp/instance/a%20b", ""},
		{"two kinds of one name are ambiguous", "", "web", "", `"web" fits more than one object: group/web (/vrrp/group/web), vrrp/web (/vrrp/instance/web)`},
		{"the endpoint's kind settles it", "vrrp", "web", "/vrrp/instance/web", ""},
		{"the caller's kind settles it", "", "group/web", "/vrrp/group/web", ""},
		{"instance is another word for vrrp", "", "instance/web", "/vrrp/instance/web", ""},
		{"a kind that is not meant here", "vrrp", "group/web", "", "no vrrp object"},
		{"a name that reads like another's KIND/NAME", "", "vrrp/mail", "", "fits more than one"},
		{"its tree path is plain", "", "/vrrp/instance/vrrp%2Fmail", "/vrrp/instance/vrrp%2Fmail", ""},
		{"a path goes before a name that reads like it", "", "/net/link", "/net/link", ""},
		{"a path without its first slash", "", "vrrp/group/web", "/vrrp/group/web", ""},
		{"a dot is a name", "", ".", "/vrrp/instance/.", ""},
		{"nothing is not a name", "", "", "", `no object is called ""`},
		{"a near name is suggested", "", "mial", "", `did you mean "mail"?`},
		{"a near path is suggested", "", "/net/lnik", "", `did you mean "/net/link"?`},
		{"a far name is not", "", "zzzzzz", "", `no object is called "zzzzzz"`},
		{"a monstrous name is not repeated", "", strings.Repeat("x", 600), "", "no object has a name of 600 bytes"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			o, err := resolve(known, tc.kind, tc.name)
			switch {
			case tc.fails == "" && (err != nil || o.Path != tc.path):
				t.Errorf("got %q, %v, want %q", o.Path, err, tc.path)
			case tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)):
				t.Errorf("got %q, %v, want %q", o.Path, err, tc.fails)
			}
		})
	}
	if _, err := resolve(known, "", "zzzzzz"); strings.Contains(err.Error(), "did you mean") {
		t.Errorf("nothing is near: %v", err)
	}
}

func TestAmbiguityNamesAtMostEight(t *testing.T) {
	var many []messages.Object
	for k := range strings.SplitSeq("abcdefghij", "") {
		many = append(many, messages.Object{Kind: k, Name: "x", Path: "/" + k + "/x"})
	}
	_, err := resolve(many, "", "x")
	if !errors.Is(err, messages.ErrConflict) || strings.Count(err.Error(), "/x (") != maxListed || !strings.HasSuffix(err.Error(), ", …") {
		t.Errorf("got %v", err)
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"web", "vrrp/web", "/vrrp/instance/web", "a%20b", "%", "//", "\x00", "group/", "vrrp/vrrp/web"} {
		f.Add(s, "web")
	}
	f.Fuzz(func(t *testing.T, name, instance string) {
		known := objects("web", instance)
		if instance == "web" {
			known = objects("web")
		}
		o, err := resolve(known, "", name)
		switch {
		case err == nil:
			if !fits(o, name) && o.Path != name {
				t.Errorf("%q gives %+v", name, o)
			}
		case !errors.Is(err, messages.ErrUnknown) && !errors.Is(err, messages.ErrConflict):
			t.Errorf("%q: error of no kind: %v", name, err)
		}
		// A tree path always finds its object, whatever the objects are called.
		path := messages.InstancePath(instance)
		if o, err := resolve(known, "vrrp", path); err != nil || o.Path != path {
			t.Errorf("path %q of %q gives %+v, %v", path, instance, o, err)
		}
	})
}
