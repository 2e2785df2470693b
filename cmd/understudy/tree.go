package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/understudy-ha/understudy/messages"
)

func newTreeCommand() *cobra.Command {
	var asJSON, asDot, watching bool
	cmd := &cobra.Command{
		Use:   "tree",
		Short: "Show the actors: state, uptime, restarts, mailbox, last crash",
		Example: `  understudy tree
  understudy tree --watch
  understudy tree --dot | dot -Tsvg > tree.svg`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer of the API")
	cmd.Flags().BoolVar(&asDot, "dot", false, "print a graph for dot")
	cmd.Flags().BoolVar(&watching, "watch", false, "draw again each second")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if asJSON && asDot {
			return errors.New("--json and --dot exclude each other")
		}
		c := newClient(*socket)
		draw := func(w io.Writer) error {
			raw, err := c.get(cmd.Context(), "/v1/tree")
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(w, raw)
			}
			var root messages.ActorNode
			if err := json.Unmarshal(raw, &root); err != nil {
				return fmt.Errorf("read tree: %w", err)
			}
			if asDot {
				return renderDot(w, &root)
			}
			return renderTree(w, &root, time.Now())
		}
		if watching {
			return outcome(cmd, watch(cmd.Context(), cmd.OutOrStdout(), draw))
		}
		return outcome(cmd, draw(cmd.OutOrStdout()))
	}
	return cmd
}

// renderTree draws the actors with what the registry knows of them.
func renderTree(w io.Writer, root *messages.ActorNode, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACTOR\tSTATE\tUP\tRESTARTS\tMAILBOX\tLAST CRASH")
	treeLine(t, "understudy", root, now)
	treeChildren(t, "", root, now)
	return t.Flush()
}

func treeChildren(w io.Writer, indent string, n *messages.ActorNode, now time.Time) {
	for i, c := range n.Children {
		branch, below := "├── ", "│   "
		if i == len(n.Children)-1 {
			branch, below = "└── ", "    "
		}
		treeLine(w, indent+branch+relative(n.Path, c.Path), c, now)
		treeChildren(w, indent+below, c, now)
	}
}

func treeLine(w io.Writer, label string, n *messages.ActorNode, now time.Time) {
	crash := "-"
	if c := n.LastCrash; c != nil {
		reason, _, _ := strings.Cut(c.Reason, "\n")
		crash = fmt.Sprintf("%s ago: %s", ageText(c.At, now), reason)
	}
	up := "-"
	if n.Started != nil {
		up = ageText(*n.Started, now)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", label, n.State, up, n.Restarts, n.Mailbox, crash)
}

// relative is what path adds to the one it stands below.
func relative(parent, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, parent), "/")
}

func renderDot(w io.Writer, root *messages.ActorNode) error {
	var b strings.Builder
	b.WriteString("digraph understudy {\n\trankdir=LR;\n\tnode [shape=box];\n")
	dotNode(&b, root)
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func dotNode(b *strings.Builder, n *messages.ActorNode) {
	color := map[string]string{"restarting": "orange", "quarantined": "red", "stopped": "gray"}[n.State]
	if color == "" {
		color = "black"
	}
	fmt.Fprintf(b, "\t%q [label=%q color=%s];\n", n.Path, fmt.Sprintf("%s\n%s, %d restarts", n.Path, n.State, n.Restarts), color)
	for _, c := range n.Children {
		dotNode(b, c)
		fmt.Fprintf(b, "\t%q -> %q;\n", n.Path, c.Path)
	}
}
