package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/understudy-ha/understudy/messages"
)

// kindPaths gives the endpoint of each KIND of status.
var kindPaths = map[string]string{
	"vrrp": "/v1/vrrp", "instance": "/v1/vrrp", "instances": "/v1/vrrp",
	"groups": "/v1/groups", "group": "/v1/groups",
	"bfd":      "/v1/bfd",
	"services": "/v1/services", "service": "/v1/services",
	"track": "/v1/track",
}

func newStatusCommand() *cobra.Command {
	var asJSON, watching bool
	cmd := &cobra.Command{
		Use:   "status [KIND [NAME]]",
		Short: "Show what runs and in which state",
		Long: `Show the daemon and its virtual routers as tables. KIND is vrrp; NAME is a
name, KIND/NAME or a tree path.`,
		Example: `  understudy status
  understudy status vrrp web
  understudy status vrrp --json
  understudy status --watch`,
		Args:         cobra.MaximumNArgs(2),
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer of the API")
	cmd.Flags().BoolVar(&watching, "watch", false, "draw again each second")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c := newClient(*socket)
		draw := func(w io.Writer) error { return showStatus(cmd.Context(), w, c, args, asJSON) }
		if watching {
			return outcome(cmd, watch(cmd.Context(), cmd.OutOrStdout(), draw))
		}
		return outcome(cmd, draw(cmd.OutOrStdout()))
	}
	return cmd
}

func showStatus(ctx context.Context, w io.Writer, c *client, args []string, asJSON bool) error {
	if len(args) == 0 {
		return showDaemon(ctx, w, c, asJSON)
	}
	path, ok := kindPaths[args[0]]
	if !ok {
		return fmt.Errorf("unknown kind %q: vrrp is known", args[0])
	}
	if len(args) == 2 {
		path += "/" + urlName(args[1])
	}
	raw, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, raw)
	}
	if len(args) == 2 {
		var one messages.InstanceStatus
		if err := json.Unmarshal(raw, &one); err != nil {
			return fmt.Errorf("read answer to %s: %w", path, err)
		}
		return renderInstance(w, one, time.Now())
	}
	var all []messages.InstanceStatus
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("read answer to %s: %w", path, err)
	}
	return renderInstances(w, all, time.Now())
}

// showDaemon shows everything; its JSON is that of /v1/status with a list for each kind.
func showDaemon(ctx context.Context, w io.Writer, c *client, asJSON bool) error {
	daemon, err := c.get(ctx, "/v1/status")
	if err != nil {
		return err
	}
	vrrp, err := c.get(ctx, "/v1/vrrp")
	if err != nil {
		return err
	}
	if asJSON {
		all := map[string]json.RawMessage{}
		if err := json.Unmarshal(daemon, &all); err != nil {
			return fmt.Errorf("read answer to /v1/status: %w", err)
		}
		all["vrrp"] = vrrp
		raw, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("write status: %w", err)
		}
		return printJSON(w, raw)
	}
	var st messages.DaemonStatus
	var instances []messages.InstanceStatus
	if err := json.Unmarshal(daemon, &st); err != nil {
		return fmt.Errorf("read answer to /v1/status: %w", err)
	}
	if err := json.Unmarshal(vrrp, &instances); err != nil {
		return fmt.Errorf("read answer to /v1/vrrp: %w", err)
	}
	now := time.Now()
	renderDaemon(w, st, now)
	return renderInstances(w, instances, now)
}

func renderDaemon(w io.Writer, st messages.DaemonStatus, now time.Time) {
	fmt.Fprintf(w, "understudy %s, pid %d, up %s, %s\n", st.Version, st.PID, ageText(st.Started, now), st.Health)
	for _, r := range st.Reasons {
		fmt.Fprintf(w, "  %s\n", r)
	}
	if c := st.Config; c.Generation > 0 {
		fmt.Fprintf(w, "configuration %s, generation %d, loaded %s ago\n", c.File, c.Generation, ageText(c.Loaded, now))
	}
	fmt.Fprintln(w)
}

// renderInstances draws one line for each virtual router.
func renderInstances(w io.Writer, all []messages.InstanceStatus, now time.Time) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "no virtual routers")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tSINCE\tPRIO\tMASTER\tIF\tVRID\tVIPS\tNOTE")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", s.Name, strings.ToUpper(s.State), ageText(s.Since, now),
			priorityText(s.Priority), masterText(s), dash(s.Interface), s.VRID, vipText(s.Addresses), noteText(s))
	}
	return t.Flush()
}

func priorityText(p messages.Priority) string {
	if p.Base == p.Effective {
		return strconv.Itoa(p.Base)
	}
	return fmt.Sprintf("%d (%d)", p.Effective, p.Base)
}

func masterText(s messages.InstanceStatus) string {
	switch {
	case s.State == "master":
		return "here"
	case s.Master == nil:
		return "-"
	}
	return fmt.Sprintf("%s (%d)", s.Master.Address, s.Master.Priority)
}

func vipText(vips []string) string {
	switch len(vips) {
	case 0:
		return "-"
	case 1:
		return vips[0]
	}
	return fmt.Sprintf("%s +%d", vips[0], len(vips)-1)
}

// noteText is what wants to be looked at.
func noteText(s messages.InstanceStatus) string {
	var notes []string
	for _, f := range s.Faults {
		notes = append(notes, strings.TrimSpace(f.Cause+" "+f.Object))
	}
	if s.Held {
		notes = append(notes, "held by switchover")
	}
	if s.Conflict.Active {
		notes = append(notes, "conflict with "+strings.Join(s.Conflict.With, " "))
	}
	return dash(strings.Join(notes, ", "))
}

// renderInstance draws one virtual router in full.
func renderInstance(w io.Writer, s messages.InstanceStatus, now time.Time) error {
	if err := renderInstances(w, []messages.InstanceStatus{s}, now); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nsource\t%s\n", dash(s.Source))
	fmt.Fprintf(t, "version\t%d, %s\n", s.Version, s.Family)
	fmt.Fprintf(t, "intervals\tadvert %s, takeover after %s\n", secondsText(s.AdvertInterval), secondsText(s.DownInterval))
	for _, a := range s.Addresses {
		fmt.Fprintf(t, "address\t%s\n", a)
	}
	for _, a := range s.Excluded {
		fmt.Fprintf(t, "excluded\t%s\n", a)
	}
	for _, c := range s.Priority.Contributions {
		fmt.Fprintf(t, "priority\t%+d %s\n", c.Value, c.Source)
	}
	for _, p := range s.Peers {
		fmt.Fprintf(t, "peer\t%s, priority %d, heard %s ago\n", p.Address, p.Priority, ageText(p.LastHeard, now))
	}
	for _, x := range s.Transitions {
		fmt.Fprintf(t, "%s\t%s -> %s: %s\n", x.At.UTC().Format(instantLayout), x.From, x.To, x.Cause)
	}
	return t.Flush()
}

const instantLayout = "2006-01-02T15:04:05.000Z"

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func secondsText(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

// ageText is how long ago t was, in at most two units.
func ageText(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	const day = 24 * time.Hour
	switch d := max(now.Sub(t), 0); {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	}
}
