package pacer

import "net/netip"

// mail is what a turn has to tell others. It goes out at the end of the turn,
// after the packets: waking another thread costs more than sending.
type mail struct {
	thens     []func()
	posts     []post
	ends      []string
	missed    []string
	strangers []stranger
}

type post struct {
	l    *line
	hint Hint
}

type stranger struct {
	vrid    uint8
	src     netip.Addr
	ifindex int
}

func (e *Engine) post(l *line, h Hint) { e.posts = append(e.posts, post{l, h}) }

// hintPacket posts HintPacket once until the owner takes.
func (e *Engine) hintPacket(l *line) {
	if !l.dirty.Swap(true) {
		e.post(l, HintPacket)
	}
}

// deliver empties the mail. Each element is taken out before it is delivered,
// so that one that panics is not delivered again.
func (e *Engine) deliver() {
	each(&e.thens, func(f func()) { f() })
	each(&e.posts, func(p post) {
		if hint := p.l.hint.Load(); hint != nil && *hint != nil {
			(*hint)(p.hint)
		}
	})
	each(&e.ends, func(path string) {
		if e.opt.OnLeaseEnd != nil {
			e.opt.OnLeaseEnd(path)
		}
	})
	each(&e.missed, func(path string) {
		if e.opt.OnMissed != nil {
			e.opt.OnMissed(path)
		}
	})
	each(&e.strangers, func(s stranger) { e.opt.OnUnknown(s.vrid, s.src, s.ifindex) })
}

// each takes the elements of a list in order. If f panics, those behind stay.
func each[T any](list *[]T, f func(T)) {
	items, n := *list, 0
	defer func() {
		rest := copy(items, items[n:])
		clear(items[rest:])
		*list = items[:rest]
	}()
	for n < len(items) {
		n++
		f(items[n-1])
	}
}
