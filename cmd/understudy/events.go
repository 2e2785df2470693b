package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/understudy-ha/understudy/messages"
)

const maxEventLine = 1 << 20

func newEventsCommand() *cobra.Command {
	var asJSON, follow bool
	var since string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show the timeline of transitions, faults, restarts and reloads, newest last",
		Example: `  understudy events
  understudy events --since 10m
  understudy events --since 2026-01-02T15:04:05Z --json
  understudy events --follow`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
	}
	socket := addSocketFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what happens next")
	cmd.Flags().StringVar(&since, "since", "", "sequence number (the events after it), instant, or how long ago")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		show := eventPrinter(cmd.OutOrStdout(), asJSON)
		path := "/v1/events" + sinceQuery(since, time.Now())
		return outcome(cmd, readEvents(cmd.Context(), newClient(*socket), path, follow, show))
	}
	return cmd
}

// sinceQuery passes since on; a duration becomes the instant it means.
func sinceQuery(since string, now time.Time) string {
	if since == "" {
		return ""
	}
	if d, err := time.ParseDuration(since); err == nil && since != "0" {
		since = now.Add(-d).UTC().Format(time.RFC3339Nano)
	}
	return "?since=" + url.QueryEscape(since)
}

// eventPrinter prints one event given as JSON.
func eventPrinter(w io.Writer, asJSON bool) func([]byte) error {
	return func(raw []byte) error {
		if asJSON {
			_, err := fmt.Fprintf(w, "%s\n", raw)
			return err
		}
		var e messages.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		_, err := fmt.Fprintln(w, eventText(e))
		return err
	}
}

// eventText is one event as a line.
func eventText(e messages.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-10s  %s", e.At.UTC().Format(instantLayout), e.Kind, e.Object)
	switch {
	case e.From != "" && e.To != "":
		fmt.Fprintf(&b, "  %s -> %s", e.From, e.To)
	case e.To != "":
		fmt.Fprintf(&b, "  %s", e.To)
	}
	if e.Cause != "" {
		fmt.Fprintf(&b, ": %s", e.Cause)
	}
	return b.String()
}

func readEvents(ctx context.Context, c *client, path string, follow bool, show func([]byte) error) error {
	accept := "application/x-ndjson"
	if follow {
		accept = "text/event-stream"
	}
	resp, err := c.open(ctx, http.MethodGet, path, accept, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEventLine)
	if follow {
		err = readStream(lines, show)
	} else {
		err = readLines(lines, show)
	}
	if err == nil {
		err = lines.Err()
	}
	if ctx.Err() != nil { // asked to end
		return nil
	}
	if err == nil && follow {
		err = errors.New("the daemon ended the stream")
	}
	return err
}

func readLines(lines *bufio.Scanner, show func([]byte) error) error {
	for lines.Scan() {
		if err := show(lines.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// readStream reads server-sent events: their data is one line.
func readStream(lines *bufio.Scanner, show func([]byte) error) error {
	kind := ""
	for lines.Scan() {
		line := lines.Bytes()
		if v, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			kind = string(v)
			continue
		}
		if len(line) == 0 {
			kind = ""
			continue
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue // an id, or a sign of life
		}
		if kind == "cut_off" {
			var a answer
			if err := json.Unmarshal(data, &a); err != nil {
				return fmt.Errorf("read event: %w", err)
			}
			return fmt.Errorf("cut off: %s", a.Error)
		}
		if err := show(data); err != nil {
			return err
		}
	}
	return nil
}
