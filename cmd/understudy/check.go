package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/understudy-ha/understudy/actors/reload"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

func newCheckCommand() *cobra.Command {
	var asJSON, strict, noHost bool
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Validate configuration files",
		Long: `Validate configuration files. Every finding is printed once, as
file:line:column: severity: text. The exit code is 2 if a file has an error.`,
		Example: `  understudy check /etc/understudy/understudy.yaml
  understudy check --json --no-host site/*.yaml`,
		Args:         cobra.MinimumNArgs(1),
		SilenceUsage: true,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as a JSON array")
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings count as errors")
	cmd.Flags().BoolVar(&noHost, "no-host", false, "judge the text alone, not whether it fits this host")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all := []messages.Finding{}
		var absent error // one file that is not there keeps nobody from hearing of the others
		for _, path := range args {
			found, err := loadForCheck(path, !noHost)
			absent = errors.Join(absent, err)
			all = append(all, found...)
		}
		if err := printFindings(cmd, all, asJSON); err != nil {
			return err
		}
		bad := slices.ContainsFunc(all, func(f messages.Finding) bool {
			return f.Severity == "error" || strict && f.Severity == "warning"
		})
		if bad {
			return &exitCodeError{code: exitInvalid, err: absent} // the findings have said why
		}
		return absent
	}
	return cmd
}

func printFindings(cmd *cobra.Command, all []messages.Finding, asJSON bool) error {
	if asJSON {
		raw, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("write findings: %w", err)
		}
		return printJSON(cmd.OutOrStdout(), raw)
	}
	for _, f := range all {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), findingLine(f)); err != nil {
			return err
		}
	}
	return nil
}

// loadForCheck judges one file, with host also whether it fits this host. The
// error is for a file that is not there to be judged.
func loadForCheck(path string, host bool) ([]messages.Finding, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	var facts config.Host
	if host {
		facts = newLocalHost()
	}
	_, found := config.Load(os.ReadFile, filepath.Glob, path, facts)
	out := make([]messages.Finding, 0, len(found))
	for _, f := range found {
		out = append(out, reload.Finding(f))
	}
	return out, nil
}

// localHost tells config about the host that the program runs on, as it was
// when it was made.
type localHost struct {
	interfaces map[string]config.HostInterface
}

// newLocalHost reads all interfaces at once: thousands of instances ask.
func newLocalHost() localHost {
	h := localHost{map[string]config.HostInterface{}}
	all, err := net.Interfaces()
	if err != nil {
		return h // each interface is then reported as missing
	}
	for _, i := range all {
		h.interfaces[i.Name] = config.HostInterface{Loopback: i.Flags&net.FlagLoopback != 0, MTU: i.MTU}
	}
	return h
}

// HostName is empty if the kernel has none.
func (localHost) HostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// Interface implements config.Host.
func (h localHost) Interface(name string) (config.HostInterface, bool) {
	i, ok := h.interfaces[name]
	return i, ok
}

// UserExists takes a number for an account that need not be listed.
func (localHost) UserExists(name string) bool {
	if _, err := strconv.ParseUint(name, 10, 32); err == nil {
		return true
	}
	_, err := user.Lookup(name)
	return err == nil
}

// GroupExists takes a number like UserExists.
func (localHost) GroupExists(name string) bool {
	if _, err := strconv.ParseUint(name, 10, 32); err == nil {
		return true
	}
	_, err := user.LookupGroup(name)
	return err == nil
}

// DirectoryExists implements config.Host.
func (localHost) DirectoryExists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
