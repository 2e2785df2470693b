package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// newLogger builds the daemon's logger. format: text, json or keepalived;
// level: debug, info, warn or error.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})), nil
	case "keepalived":
		return slog.New(&lineHandler{w: w, level: l, mu: &sync.Mutex{}}), nil
	}
	return nil, fmt.Errorf("log format %q: want text, json or keepalived", format)
}

// lineHandler writes `Mon Jan  2 15:04:05 2006: (INSTANCE) Entering MASTER STATE`
// and the like, for those who grep for it.
type lineHandler struct {
	w     io.Writer
	level slog.Level
	attrs []slog.Attr
	mu    *sync.Mutex
}

func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *lineHandler) WithAttrs(as []slog.Attr) slog.Handler {
	n := *h
	n.attrs = append(slices.Clip(h.attrs), as...)
	return &n
}

func (h *lineHandler) WithGroup(string) slog.Handler { return h }

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var instance, to string
	var rest []string
	each := func(a slog.Attr) bool {
		switch a.Key {
		case "instance":
			instance = a.Value.String()
		case "to":
			to = a.Value.String()
		default:
			rest = append(rest, a.Key+" "+a.Value.String())
		}
		return true
	}
	for _, a := range h.attrs {
		each(a)
	}
	r.Attrs(each)
	text := r.Message
	if r.Message == "entering state" {
		text = "Entering " + strings.ToUpper(to) + " STATE"
	} else if to != "" {
		rest = append(rest, "to "+to)
	}
	if instance != "" {
		text = "(" + instance + ") " + text
	}
	if len(rest) > 0 {
		text += " (" + strings.Join(rest, ", ") + ")"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := fmt.Fprintf(h.w, "%s: %s\n", r.Time.Format(time.ANSIC), text)
	return err
}
