package pacer

// Rename lets the line of from go on as that of to: schedule, watch, entry and
// counters stay. The session on it is fenced; a line of to is closed first.
// Without a line of from it does nothing.
func (e *Engine) Rename(from, to string) {
	e.mu.Lock()
	_, ok := e.lines[from]
	e.mu.Unlock()
	if !ok || from == to {
		return
	}
	e.Close(to)
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lines[from]
	if l == nil {
		return
	}
	delete(e.lines, from)
	e.lines[to] = l
	l.gen.Add(1)
	l.hint.Store(nil)
	l.path.Store(&to)
}
