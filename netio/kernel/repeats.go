package kernel

import "slices"

// repeats are the announcements after the first of each address: rounds over
// the addresses of an owner, the owners taking turns. There is one burst an
// owner, with one frame an address, so its size is that of what is claimed.
type repeats struct {
	turn    []*burst // next first
	byOwner map[string]*burst
}

type burst struct {
	owner  string
	frames []repeated
	next   int // in frames
	left   int // rounds
	seen   uint64
}

type repeated struct {
	key   addressKey
	frame Frame
}

func keyOf(a Address) addressKey { return addressKey{a.Index, a.Prefix, a.Peer} }

// add queues rounds for what a finished task announced.
func (r *repeats) add(t *task) {
	if t.job.Repeat < 2 {
		return
	}
	var frames []repeated
	for i := len(t.job.Dels); i < len(t.msgs); i++ {
		if f, ok := t.frame(i); ok {
			frames = append(frames, repeated{keyOf(t.address(i)), f})
		}
	}
	if len(frames) == 0 {
		return
	}
	left := t.job.Repeat - 1
	b := r.byOwner[t.job.Owner]
	if b == nil {
		b = &burst{owner: t.job.Owner}
		if r.byOwner == nil {
			r.byOwner = map[string]*burst{}
		}
		r.byOwner[b.owner] = b
		r.turn = append(r.turn, b)
	}
	fresh := make(map[addressKey]bool, len(frames))
	for _, f := range frames {
		fresh[f.key] = true
	}
	for _, f := range b.frames {
		if !fresh[f.key] {
			frames = append(frames, f)
		}
	}
	b.frames, b.next, b.left = frames, 0, max(b.left, left)
}

// begin forgets what a task that begins makes obsolete.
func (r *repeats) begin(t *task) {
	b := r.byOwner[t.job.Owner]
	if b == nil {
		return
	}
	if t.job.Cancel {
		r.drop(b)
		return
	}
	if len(t.job.Dels) == 0 {
		return
	}
	gone := make(map[addressKey]bool, len(t.job.Dels))
	for _, a := range t.job.Dels {
		gone[keyOf(a)] = true
	}
	b.frames = slices.DeleteFunc(b.frames, func(f repeated) bool { return gone[f.key] })
	b.next = min(b.next, len(b.frames))
	if len(b.frames) == 0 {
		r.drop(b)
	}
}

func (r *repeats) drop(b *burst) {
	delete(r.byOwner, b.owner)
	r.turn = slices.DeleteFunc(r.turn, func(o *burst) bool { return o == b })
}

// take returns at most limit frames of the next rounds, never two rounds of
// one owner at once. stamp must differ from call to call.
func (r *repeats) take(dst []Frame, limit int, stamp uint64) []Frame {
	for len(dst) < limit && len(r.turn) > 0 {
		b := r.turn[0]
		if b.seen == stamp {
			break
		}
		for b.next < len(b.frames) && len(dst) < limit {
			dst = append(dst, b.frames[b.next].frame)
			b.next++
		}
		if b.next < len(b.frames) {
			break // the limit came first
		}
		b.next, b.seen = 0, stamp
		r.turn = r.turn[1:]
		if b.left--; b.left == 0 {
			delete(r.byOwner, b.owner)
		} else {
			r.turn = append(r.turn, b)
		}
	}
	return dst
}
