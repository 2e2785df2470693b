// Command understudy keeps IP services alive: VRRP routers that share virtual
// addresses, on an actor runtime. main only wires; there is one file for each
// subcommand.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes (understudy help).
const (
	exitOK      = 0
	exitError   = 1 // usage or runtime error
	exitInvalid = 2 // invalid configuration
)

// exitCodeError carries an exit code through cobra. An empty text prints nothing:
// the command has said what there was to say.
type exitCodeError struct {
	code int
	err  error
}

func (e *exitCodeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitCodeError) Unwrap() error { return e.err }

func main() { os.Exit(execute(newRootCommand())) }

// execute runs the command line and translates the outcome into an exit code.
func execute(root *cobra.Command) int {
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	code := exitError
	if ec, ok := errors.AsType[*exitCodeError](err); ok {
		code = ec.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(root.ErrOrStderr(), "understudy: "+text)
	}
	return code
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "understudy",
		Short: "Keeps IP services alive: VRRP on a supervised actor runtime",
		Long: `Understudy lets routers share virtual IP addresses by VRRP (versions 2 and 3,
IPv4 and IPv6) and shows why each of them is master or backup.

Exit codes: 0 ok, 1 usage or runtime error, 2 invalid configuration.`,
		Example: `  understudy check understudy.yaml
  understudy run -f understudy.yaml
  understudy status
  understudy explain web`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newRunCommand(), newCheckCommand(), newPlanCommand(),
		newStatusCommand(), newExplainCommand(), newTreeCommand(), newEventsCommand(),
		newReloadCommand(), newStopCommand(), newSwitchoverCommand(), newGarpCommand(), newKillCommand(),
		newVersionCommand(), newManCommand(), newDemoCommand(),
	)
	return root
}
