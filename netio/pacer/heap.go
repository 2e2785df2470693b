package pacer

// The heaps a line may stand in.
const (
	heapSend = iota
	heapDetect
	heapKeep
	heapKinds
)

// arity 4: half the depth of a binary heap, and its children share a cache line.
const arity = 4

// heap orders lines by deadline, the earliest first. The deadline is stored
// inline, so that comparing touches no line.
type heap struct {
	kind  int // which of the line's positions is ours
	items []item
}

type item struct {
	at int64
	l  *line
}

// first is the earliest deadline, or ok false.
func (h *heap) first() (at int64, ok bool) {
	if len(h.items) == 0 {
		return 0, false
	}
	return h.items[0].at, true
}

// set inserts l or moves it to another deadline.
func (h *heap) set(l *line, at int64) {
	i := l.pos[h.kind] - 1
	if i < 0 {
		h.items = append(h.items, item{})
		i = len(h.items) - 1
		h.put(i, item{at, l})
		h.up(i)
		return
	}
	old := h.items[i].at
	h.items[i].at = at
	if at < old {
		h.up(i)
	} else {
		h.down(i)
	}
}

// remove takes l out; one that is not in is no error.
func (h *heap) remove(l *line) {
	i := l.pos[h.kind] - 1
	if i < 0 {
		return
	}
	l.pos[h.kind] = 0
	last := len(h.items) - 1
	moved := h.items[last]
	h.items[last] = item{}
	h.items = h.items[:last]
	if i == last {
		return
	}
	old := h.items[i].at
	h.put(i, moved)
	if moved.at < old {
		h.up(i)
	} else {
		h.down(i)
	}
}

// put stores x at i; a line's position is counted from 1, 0 = absent.
func (h *heap) put(i int, x item) {
	h.items[i] = x
	x.l.pos[h.kind] = i + 1
}

func (h *heap) up(i int) {
	x := h.items[i]
	for i > 0 {
		parent := (i - 1) / arity
		if h.items[parent].at <= x.at {
			break
		}
		h.put(i, h.items[parent])
		i = parent
	}
	h.put(i, x)
}

func (h *heap) down(i int) {
	x := h.items[i]
	for {
		least := -1
		for c := i*arity + 1; c <= i*arity+arity && c < len(h.items); c++ {
			if least < 0 || h.items[c].at < h.items[least].at {
				least = c
			}
		}
		if least < 0 || h.items[least].at >= x.at {
			break
		}
		h.put(i, h.items[least])
		i = least
	}
	h.put(i, x)
}
