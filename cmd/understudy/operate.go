package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func newReloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload [FILE]",
		Short: "Apply the configuration again, or another file",
		Long: `Apply the configuration of the running daemon again, or FILE in its place.
A file with an error changes nothing: the findings are printed, and the exit code is 2.`,
		Example:      "  understudy reload\n  understudy reload /etc/understudy/new.yaml",
		Args:         cobra.MaximumNArgs(1),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		order := map[string]any{}
		if len(args) == 1 {
			file, err := filepath.Abs(args[0])
			if err != nil {
				return fmt.Errorf("reload %s: %w", args[0], err)
			}
			order["file"] = file
		}
		a, err := newClient(*socket).post(cmd.Context(), "/v1/reload", order)
		if err != nil {
			return outcome(cmd, err)
		}
		for _, f := range a.Findings {
			fmt.Fprintln(cmd.ErrOrStderr(), findingLine(f))
		}
		fmt.Fprintln(cmd.OutOrStdout(), "reloaded")
		return nil
	}
	return cmd
}

func newStopCommand() *cobra.Command {
	var handover bool
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon and wait until it is gone",
		Long: `Stop the daemon: masters resign, addresses are released. The command waits
until the daemon has given up its socket.

With --handover roles and addresses stay for the process that starts next. It
goes on as master if it starts within the down interval of the instance.`,
		Example:      "  understudy stop\n  understudy stop --handover",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&handover, "handover", false, "keep addresses and roles for the process that starts next")
	cmd.Flags().DurationVar(&limit, "timeout", time.Minute, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c := newClient(*socket)
		if _, err := c.post(cmd.Context(), "/v1/stop", map[string]any{"handover": handover}); err != nil {
			return outcome(cmd, err)
		}
		if err := waitGone(cmd.Context(), c, limit); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), "stopped")
		return nil
	}
	return cmd
}

const gonePoll = 50 * time.Millisecond

// waitGone waits until nobody answers on the socket.
func waitGone(ctx context.Context, c *client, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(gonePoll)
	defer tick.Stop()
	for !c.gone(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the daemon still answers on %s after %s", c.socket, limit)
		}
	}
	return nil
}

func newKillCommand() *cobra.Command {
	var mode string
	var times int
	var every time.Duration
	var count bool
	cmd := &cobra.Command{
		Use:   "kill ACTOR-PATH",
		Short: "Make an actor fail, to see that nobody notices",
		Long: `Make the actor at ACTOR-PATH (see tree) panic, hang or be slow. It works only
while admin.chaos.enabled is set.`,
		Example:      "  understudy kill /vrrp/instance/web\n  understudy kill /net/address --mode hang\n  understudy kill /vrrp/instance/web --times 10 --every 200ms",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().StringVar(&mode, "mode", "panic", "panic, hang or slow")
	cmd.Flags().IntVar(&times, "times", 1, "how often")
	cmd.Flags().DurationVar(&every, "every", 0, "time between two of them")
	cmd.Flags().BoolVar(&count, "count", false, "let it count as a real crash: back-off and quarantine")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, err := newClient(*socket).post(cmd.Context(), "/v1/chaos/kill", map[string]any{
			"path": args[0], "mode": mode, "times": times, "every": every.Seconds(), "count": count,
		})
		if err != nil {
			return outcome(cmd, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s injected\n", args[0], mode)
		return nil
	}
	return cmd
}

func newGarpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:          "garp NAME",
		Short:        "Announce the addresses of a master once more",
		Example:      "  understudy garp web",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := newClient(*socket).post(cmd.Context(), "/v1/garp/"+urlName(args[0]), struct{}{}); err != nil {
			return outcome(cmd, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: announced\n", args[0])
		return nil
	}
	return cmd
}

func newSwitchoverCommand() *cobra.Command {
	var back, force bool
	cmd := &cobra.Command{
		Use:   "switchover NAME",
		Short: "Hand mastership to another router",
		Long: `Hand the mastership of a virtual router to another router. From then on this
one takes over only when the new master falls silent, until --back.`,
		Example:      "  understudy switchover web\n  understudy switchover web --back",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&back, "back", false, "end the hold of an earlier switchover")
	cmd.Flags().BoolVar(&force, "force", false, "also when no other router is heard")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, err := newClient(*socket).post(cmd.Context(), "/v1/switchover/"+urlName(args[0]), map[string]any{"back": back, "force": force})
		if err != nil {
			return outcome(cmd, err)
		}
		done := "handed over"
		if back {
			done = "no longer held"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0], done)
		return nil
	}
	return cmd
}
