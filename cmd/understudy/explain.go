package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newExplainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain NAME",
		Short: "Say in plain words why an object is in its state",
		Long: `Say why a virtual router or an actor is in its state, and what would change it.
NAME is a name, KIND/NAME or a tree path.`,
		Example: `  understudy explain web
  understudy explain vrrp/web
  understudy explain /net/address`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer of the API")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		raw, err := newClient(*socket).get(cmd.Context(), "/v1/explain/"+urlName(args[0]))
		if err != nil {
			return outcome(cmd, err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), raw)
		}
		var e struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read explanation: %w", err)
		}
		_, err = fmt.Fprint(cmd.OutOrStdout(), e.Text)
		return err
	}
	return cmd
}
