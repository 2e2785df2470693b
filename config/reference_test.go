package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func loadReference(t *testing.T) (*node, []Finding) {
	t.Helper()
	noGlob := func(string) ([]string, error) { return nil, nil }
	c, findings := Load(os.ReadFile, noGlob, "reference.yaml", newFakeHost())
	if c != nil {
		t.Fatal("the reference loads although it holds options that are not built")
	}
	text, err := os.ReadFile("reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(&report{}, "reference.yaml", text), findings
}

var indexes = regexp.MustCompile(`\[\d+\]`)

// The reference holds nothing wrong but what is not built, each key of the
// golden file at least once. The golden file only shrinks.
func TestReferenceFindsOnlyWhatIsNotBuilt(t *testing.T) {
	_, findings := loadReference(t)
	var got []string
	for _, f := range findings {
		if f.Text != f.Key+": not built yet; remove it" || f.Severity != Error {
			t.Errorf("unexpected: %s", f)
		}
		got = append(got, indexes.ReplaceAllString(f.Key, "[]"))
	}
	slices.Sort(got)
	got = slices.Compact(got)
	golden, err := os.ReadFile("testdata/not_built.txt")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Fields(string(golden)); !slices.Equal(got, want) {
		t.Errorf("found:\n%s\n\ntestdata/not_built.txt:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// use_vmac is a key of both lists of addresses; the reference shows it in one.
	known := slices.DeleteFunc(slices.Clone(notBuiltKeys), func(k string) bool { return k == "vrrp.instances[].virtual_ips_excluded[].use_vmac" })
	if !slices.Equal(known, got) {
		t.Errorf("notBuiltKeys differs from the reference:\n%s", strings.Join(known, "\n"))
	}
}

var remark = regexp.MustCompile(`^\s*(?:- )?([a-z_0-9]+): .*?\s# .*?(?:\[(id|start|restart)[^\]]*\])?\s*#= (.*)$`)

// What the tables say of an option is what its remark in the reference says.
func TestReferenceAgreesWithTheTables(t *testing.T) {
	tree, _ := loadReference(t)
	options := map[string]Option{}
	for _, o := range Options() {
		options[o.Key] = o
	}
	text, err := os.ReadFile("reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[int]*keyPath{} // the first key of each line
	keysByLine(tree, nil, keys)
	seen := map[string]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		m := remark.FindStringSubmatch(line)
		p := keys[i+1]
		if m == nil || p == nil {
			continue
		}
		o, ok := options[p.pattern()]
		if !ok || seen[o.Key] {
			continue
		}
		seen[o.Key] = true
		checkRemark(t, i+1, o, m[2], m[3])
	}
	if len(seen) < 70 {
		t.Errorf("only %d remarks compared", len(seen))
	}
}

func checkRemark(t *testing.T, line int, o Option, class, value string) {
	t.Helper()
	want := Live
	switch class {
	case "id":
		want = Identity
	case "start":
		want = Start
	case "restart":
		want = Restart
	}
	if o.Class != want {
		t.Errorf("line %d: %s is [%s] in the table, [%s] in the remark", line, o.Key, o.Class, want)
	}
	if o.Required != (value == "required") {
		t.Errorf("line %d: %s: required is %t in the table; remark %q", line, o.Key, o.Required, value)
	}
	plain := func(s string) string { return strings.Trim(s, `"`) }
	if o.Default == "" || strings.HasPrefix(value, "{") || slices.Contains(remarkWords, value) {
		return
	}
	if plain(o.Default) != plain(value) {
		t.Errorf("line %d: %s defaults to %q in the table, %q in the remark", line, o.Key, o.Default, value)
	}
}

// remarkWords are remarks that say a default in other words than the table.
var remarkWords = []string{
	"the section's name", "inherit; IPv6: 3", "the instance's, or its VMAC", "as in virtual_ips", "true, strict: false",
}

// keysByLine collects the path of the first key of each line.
func keysByLine(n *node, path *keyPath, out map[int]*keyPath) {
	for i := range n.entries {
		e := &n.entries[i]
		p := path.key(e.key)
		if line := int(e.line); out[line] == nil {
			out[line] = p
		}
		keysByLine(&e.value, p, out)
	}
	for i := range n.items {
		keysByLine(&n.items[i], path.item(i), out)
	}
}
