package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	demoWidth, demoHeight = 80, 24 // of a terminal that does not tell

	enterScreen = "\x1b[?1049h\x1b[?25l" // alternate screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	homeCursor  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// demoTerminal is the terminal while the show has it.
type demoTerminal struct {
	in, out *os.File
	color   bool
	before  unix.Termios
	keys    bool // in is a terminal too
}

// isTerminal reports whether f is one.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// openDemoTerminal takes the alternate screen, and the keys one by one without
// echo; Ctrl-C stays a signal. Close it.
func openDemoTerminal(in, out *os.File) (*demoTerminal, error) {
	t := &demoTerminal{in: in, out: out, color: os.Getenv("NO_COLOR") == "", keys: isTerminal(in)}
	if t.keys {
		before, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
		if err != nil {
			return nil, fmt.Errorf("read the settings of the terminal: %w", err)
		}
		t.before = *before
		raw := *before
		raw.Lflag &^= unix.ICANON | unix.ECHO
		raw.Cc[unix.VSUSP] = 0 // a stopped show would hold what it made
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 0, 0
		if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, &raw); err != nil {
			return nil, fmt.Errorf("set the terminal: %w", err)
		}
	}
	_, err := out.WriteString(enterScreen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write to the terminal: %w", err), t.close())
	}
	return t, nil
}

func (t *demoTerminal) close() error {
	_, err := t.out.WriteString(leaveScreen)
	if t.keys {
		err = errors.Join(err, unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, &t.before))
	}
	if err != nil {
		return fmt.Errorf("give the terminal back: %w", err)
	}
	return nil
}

// size is the number of columns and rows.
func (t *demoTerminal) size() (width, height int) {
	ws, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return demoWidth, demoHeight
	}
	return int(ws.Col), int(ws.Row)
}

// pressed reports whether a key was pressed since it was asked last.
func (t *demoTerminal) pressed() bool {
	if !t.keys {
		return false
	}
	var b [64]byte
	n, err := unix.Read(int(t.in.Fd()), b[:]) // returns at once
	return err == nil && n > 0
}

// draw writes one frame in one piece, so that nothing flickers.
func (t *demoTerminal) draw(v demoView) error {
	width, height := t.size()
	rows := demoFrame(v, height)
	var b bytes.Buffer
	b.WriteString(homeCursor)
	for i, r := range rows[:min(len(rows), height)] {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(r.encode(width, t.color) + clearLine)
	}
	b.WriteString(clearBelow)
	if _, err := t.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	return nil
}

// play redraws until the context ends and tells of each key.
func (t *demoTerminal) play(ctx context.Context, view func(time.Time) demoView, key chan<- struct{}) error {
	tick := time.NewTicker(demoRedraw)
	defer tick.Stop()
	for {
		if err := t.draw(view(time.Now())); err != nil {
			return err
		}
		if t.pressed() {
			select {
			case key <- struct{}{}:
			default: // one is enough
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
