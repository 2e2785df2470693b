package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/understudy-ha/understudy/messages"
)

func newPlanCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:          "plan FILE",
		Short:        "Show what a reload of FILE would start, stop and change",
		Example:      "  understudy plan /etc/understudy/new.yaml",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer of the API")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, err := filepath.Abs(args[0])
		if err != nil {
			return fmt.Errorf("plan %s: %w", args[0], err)
		}
		raw, err := newClient(*socket).get(cmd.Context(), "/v1/plan?file="+url.QueryEscape(file))
		if err != nil {
			return outcome(cmd, err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), raw)
		}
		var p messages.Plan
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("read plan: %w", err)
		}
		return renderPlan(cmd.OutOrStdout(), p)
	}
	return cmd
}

func renderPlan(w io.Writer, p messages.Plan) error {
	var b strings.Builder
	for _, path := range p.Start {
		fmt.Fprintf(&b, "+ %s\n", path)
	}
	for _, path := range p.Stop {
		fmt.Fprintf(&b, "- %s\n", path)
	}
	for _, c := range p.Change {
		fmt.Fprintf(&b, "~ %s: %s\n", c.Path, strings.Join(c.Keys, ", "))
	}
	fmt.Fprintf(&b, "%d to start, %d to stop, %d to change, %d unchanged\n", len(p.Start), len(p.Stop), len(p.Change), p.Unchanged)
	_, err := io.WriteString(w, b.String())
	return err
}
