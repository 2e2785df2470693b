package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// demoView is one moment of the show, ready to be drawn.
type demoView struct {
	elapsed time.Duration
	vip     string
	routers []demoRouterView
	asking  bool // the client has begun
	by      map[string]int
	lost    int
	strip   string // of cells
	steps   []demoProgress
	lines   []demoLineView // of the timeline, oldest first
	hint    string
}

type demoRouterView struct {
	name, addr string
	state      string // init backup master fault; empty: no daemon answers
	priority   int
	holds      bool // the virtual address
	since      time.Duration
}

type demoLineView struct {
	at        time.Duration // since the show began
	who, text string
}

// Styles are ANSI SGR codes.
const (
	demoPlain = ""
	demoBold  = "1"
	demoDim   = "2"
	demoRed   = "31"
	demoGreen = "32"
	demoBlue  = "36"
)

// demoSpan is a piece of a line in one style.
type demoSpan struct{ style, text string }

// demoRow is a line of the screen.
type demoRow []demoSpan

func (r *demoRow) add(style, format string, args ...any) {
	*r = append(*r, demoSpan{style, fmt.Sprintf(format, args...)})
}

// encode cuts the row to width columns and writes it, with or without styles.
func (r demoRow) encode(width int, color bool) string {
	var b strings.Builder
	for _, s := range r {
		text := s.text
		if n := utf8.RuneCountInString(text); n > width {
			text = string([]rune(text)[:width])
		}
		width -= utf8.RuneCountInString(text)
		if color && s.style != demoPlain && text != "" {
			text = "\x1b[" + s.style + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	return b.String()
}

const (
	demoStripCells  = 70
	demoStripCell   = 100 * time.Millisecond
	demoStripIndent = 4
	demoLeastLines  = 4 // of the timeline, on a small screen
	demoMostLines   = 12
)

// demoFrame draws the view: at most height rows, unless that is too little for
// anything.
func demoFrame(v demoView, height int) []demoRow {
	rows := []demoRow{
		{{demoBold, fmt.Sprintf(" Understudy: one address, two routers%39.1f s", v.elapsed.Seconds())}},
		nil,
	}
	for _, r := range v.routers {
		rows = append(rows, r.row(v.vip))
	}
	rows = append(rows, v.client(), demoStripRow(v.strip), nil)
	for i, p := range v.steps {
		rows = append(rows, p.rows(i+1)...)
	}
	rows = append(rows, nil, demoRow{{demoBold, " Timeline"}})
	room := min(max(height-len(rows)-1, demoLeastLines), demoMostLines)
	for _, l := range v.lines[max(0, len(v.lines)-room):] {
		rows = append(rows, l.row())
	}
	for range room - len(v.lines) {
		rows = append(rows, nil)
	}
	return append(rows, demoRow{{demoDim, " " + v.hint}})
}

func (r demoRouterView) row(vip string) demoRow {
	var row demoRow
	row.add(demoRouterStyle(r.name), "  router %s", r.name)
	row.add(demoPlain, "   %-11s priority %d   ", r.addr, r.priority)
	switch r.state {
	case "":
		row.add(demoRed, "%-7s", "gone")
		return row
	case "master":
		row.add(demoBold+";"+demoRouterStyle(r.name), "%-7s", "MASTER")
	default:
		row.add(demoDim, "%-7s", strings.ToUpper(r.state))
	}
	if r.holds {
		row.add(demoRouterStyle(r.name), "  has %s", vip)
	}
	row.add(demoDim, "  for %.0f s", r.since.Seconds())
	return row
}

func (v demoView) client() demoRow {
	var row demoRow
	row.add(demoPlain, "  client     ")
	if !v.asking {
		row.add(demoDim, "waits for a master")
		return row
	}
	row.add(demoPlain, "asks %s %d times a second: answered %d, ", v.vip, time.Second/demoAskEvery, v.by["a"]+v.by["b"])
	style := demoPlain
	if v.lost > 0 {
		style = demoRed
	}
	row.add(style, "lost %d", v.lost)
	return row
}

// demoStripRow colours the strip, a span for each run of equal cells.
func demoStripRow(strip string) demoRow {
	row := demoRow{{demoPlain, strings.Repeat(" ", demoStripIndent)}}
	var run []rune
	flush := func() {
		if len(run) == 0 {
			return
		}
		style := demoRouterStyle(string(run[0]))
		if run[0] == demoCellLost {
			style = demoRed
		}
		row.add(style, "%s", string(run))
		run = nil
	}
	for _, c := range strip {
		if len(run) > 0 && c != run[0] {
			flush()
		}
		run = append(run, c)
	}
	flush()
	return row
}

func demoRouterStyle(name string) string {
	switch name {
	case "a":
		return demoGreen
	case "b":
		return demoBlue
	}
	return demoPlain
}

var demoMarks = [...]struct{ mark, style string }{
	demoAhead:   {" ", demoDim},
	demoRunning: {"▸", demoBold},
	demoDone:    {"✓", demoGreen},
	demoFailed:  {"✗", demoRed},
}

func (p demoProgress) rows(number int) []demoRow {
	m := demoMarks[p.state]
	var row demoRow
	row.add(m.style, "  %s %d  ", m.mark, number)
	style := demoPlain
	if p.state == demoAhead || p.state == demoRunning {
		style = m.style
	}
	row.add(style, "%s", p.title)
	rows := []demoRow{row}
	if p.result != "" {
		rows = append(rows, demoRow{{m.style, "       " + p.result}})
	}
	return rows
}

func (l demoLineView) row() demoRow {
	var row demoRow
	row.add(demoDim, "%8.3f  ", l.at.Seconds())
	row.add(demoRouterStyle(l.who), "%s", l.who)
	row.add(demoPlain, "  %s", l.text)
	return row
}

// demoHint says what keys do.
func demoHint(steps []demoProgress) string {
	for _, p := range steps {
		switch p.state {
		case demoFailed:
			return "It failed. Any key leaves"
		case demoAhead, demoRunning:
			return "Ctrl-C ends the demo, a key ends a pause"
		case demoDone:
		}
	}
	return "The end. Any key leaves"
}

// view collects the moment.
func (s *demoShow) view(now time.Time) demoView {
	v := demoView{elapsed: now.Sub(s.began), vip: s.vip.String()}
	for _, r := range s.routers() {
		rv := demoRouterView{name: r.name, addr: r.addr.String(), priority: r.instance.Priority}
		if st, ok := r.now(); ok {
			rv.state, rv.priority, rv.holds, rv.since = st.State, st.Priority.Effective, st.AddressesHeld, max(0, now.Sub(st.Since))
		}
		v.routers = append(v.routers, rv)
	}
	if c := s.asking(); c != nil {
		v.asking = true
		v.by, v.lost = c.tally(now)
		v.strip = demoStrip(c.between(now.Add(-(demoStripCells+1)*demoStripCell), now), now, demoStripCells, demoStripCell)
	}
	s.mu.Lock()
	v.steps = append(v.steps, s.steps...)
	s.mu.Unlock()
	v.hint = demoHint(v.steps)
	for _, l := range s.lines.since(time.Time{}) {
		v.lines = append(v.lines, demoLineView{at: l.at.Sub(s.began), who: l.who, text: l.text})
	}
	return v
}
