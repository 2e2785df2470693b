package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ha/understudy/config/typo"
	"github.com/understudy-ha/understudy/messages"
)

const (
	maxName     = 512 // bytes of a name that is worth a suggestion
	maxListed   = 8   // objects named in an error
	kindActor   = "actor"
	kindVRRP    = "vrrp"
	anyKind     = ""
	pathPrefix  = "/"
	kindDivider = "/"
)

// kinds gives the kind for each word that may stand before the slash of KIND/NAME.
var kinds = map[string]string{
	"vrrp": kindVRRP, "instance": kindVRRP,
	"group": "group", "groups": "group",
	"bfd": "bfd", "session": "bfd",
	"service": "service", "services": "service",
	"track": "track", "script": "track",
}

// resolve finds the object that name stands for: a name, KIND/NAME or a tree
// path, with or without its leading slash. Names may be percent-encoded.
// kind limits the search, anyKind does not. The errors wrap
// messages.ErrUnknown, with a suggestion, or messages.ErrConflict, naming all that fit.
func resolve(objects []messages.Object, kind, name string) (messages.Object, error) {
	var found []messages.Object
	for _, o := range objects {
		if kind != anyKind && o.Kind != kind {
			continue
		}
		if o.Path == name { // a path is never ambiguous, whatever others are called
			return o, nil
		}
		if fits(o, name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return messages.Object{}, &messages.Refusal{Kind: messages.ErrUnknown, Text: unknown(objects, kind, name)}
	}
	names := make([]string, 0, len(found))
	for _, o := range found {
		names = append(names, fmt.Sprintf("%s (%s)", label(o), o.Path))
	}
	slices.Sort(names)
	if len(names) > maxListed {
		names = append(names[:maxListed], "…")
	}
	return messages.Object{}, &messages.Refusal{
		Kind: messages.ErrConflict,
		Text: fmt.Sprintf("%q fits more than one object: %s", name, strings.Join(names, ", ")),
	}
}

func fits(o messages.Object, name string) bool {
	if o.Path == pathPrefix+name {
		return true
	}
	if o.Kind == kindActor || name == "" {
		return false
	}
	if same(o, name) {
		return true
	}
	word, rest, ok := strings.Cut(name, kindDivider)
	return ok && kinds[word] == o.Kind && same(o, rest)
}

func same(o messages.Object, name string) bool {
	return o.Name == name || messages.Escape(o.Name) == name
}

// label names an object as KIND/NAME, an actor by its path.
func label(o messages.Object) string {
	if o.Kind == kindActor {
		return o.Path
	}
	return o.Kind + kindDivider + messages.Escape(o.Name)
}

// unknown is the text for a name that fits nothing, with the nearest that would.
func unknown(objects []messages.Object, kind, name string) string {
	what := "object"
	if kind != anyKind {
		what = kind + " object"
	}
	text := fmt.Sprintf("no %s is called %q", what, name)
	if len(name) > maxName {
		return fmt.Sprintf("no %s has a name of %d bytes", what, len(name))
	}
	best, bestDistance := "", min(len(name), 1+max(2, len(name)/3)) // two letters swapped are two changes
	for _, o := range objects {
		if kind != anyKind && o.Kind != kind {
			continue
		}
		for _, candidate := range []string{o.Name, label(o), o.Path} {
			if d := typo.Distance(strings.ToLower(name), strings.ToLower(candidate), bestDistance); d < bestDistance {
				best, bestDistance = candidate, d
			}
		}
	}
	if best != "" {
		text += fmt.Sprintf("; did you mean %q?", best)
	}
	return text
}
