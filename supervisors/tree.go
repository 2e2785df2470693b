package supervisors

import (
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Constructor makes one incarnation of a leaf.
type Constructor = func(Child) actor.Actor

// Parts are the constructors of all static leaves. Chaos nil: not enabled.
type Parts struct {
	Pacer, Link, Address   Constructor
	InboxVRRP4, InboxVRRP6 Constructor
	Inspect, Reload, Admin Constructor
	Chaos                  Constructor
}

// Tree is the whole program, top down; the order is the start order. The
// children of vrrp, one instance/NAME each, are spawned from the configuration.
// Only net and the root escalate.
func Tree(p Parts) Node {
	edge := []Node{
		{Name: "inspect", New: p.Inspect},
		{Name: "reload", New: p.Reload},
		{Name: "admin", New: p.Admin},
	}
	if p.Chaos != nil {
		edge = append(edge, Node{Name: "chaos", New: p.Chaos})
	}
	return Node{Name: "understudy", Budget: Budget{Restarts: 3, Within: time.Minute}, Children: []Node{
		{Name: "net", Budget: Budget{Restarts: 7, Within: 30 * time.Second}, Children: []Node{
			{Name: "pacer", New: p.Pacer},
			{Name: "link", New: p.Link},
			{Name: "address", New: p.Address, NeverQuarantine: true},
			{Name: "inbox/vrrp4", New: p.InboxVRRP4},
			{Name: "inbox/vrrp6", New: p.InboxVRRP6},
		}},
		{Name: "vrrp", Dynamic: true},
		{Name: "edge", Children: edge},
	}}
}

// Print draws a tree as docs/ARCHITECTURE.md shows it, one line an actor.
func Print(n Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n", n.Name, remark(n, "exit"))
	printChildren(&b, n.Children, "")
	return b.String()
}

func printChildren(b *strings.Builder, nodes []Node, indent string) {
	for i, n := range nodes {
		branch, below := "├── ", "│   "
		if i == len(nodes)-1 {
			branch, below = "└── ", "    "
		}
		fmt.Fprintf(b, "%s%s%s%s\n", indent, branch, n.Name, remark(n, "restart as a whole"))
		printChildren(b, n.Children, indent+below)
	}
}

func remark(n Node, beyond string) string {
	var words []string
	if !n.Budget.none() {
		words = append(words, fmt.Sprintf("%d failures in %v, then %s", n.Budget.Restarts, n.Budget.Within, beyond))
	}
	if n.Dynamic {
		words = append(words, "children from the configuration")
	}
	if n.NeverQuarantine {
		words = append(words, "never given up")
	}
	if len(words) == 0 {
		return ""
	}
	return "  (" + strings.Join(words, "; ") + ")"
}
