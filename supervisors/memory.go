package supervisors

import "sync/atomic"

// Cell is the memory cell of one actor path, as one incarnation sees it. What
// an incarnation remembers, the next one recalls. Writes of an incarnation
// that has been replaced are ignored. The zero Cell is empty and usable.
type Cell struct {
	shared *memory // nil: own
	own    memory
	gen    uint64
}

// memory is the content that all cells of a path share.
type memory struct {
	content atomic.Pointer[content]
	floor   atomic.Uint64 // oldest generation that may write
}

type content struct{ value any } // value nil: empty

func (c *Cell) memory() *memory {
	if c.shared != nil {
		return c.shared
	}
	return &c.own
}

// Remember keeps v, replacing what was kept. v must not change afterwards.
func Remember[T any](c *Cell, v T) {
	m, next := c.memory(), &content{value: v}
	for {
		old := m.content.Load()
		if c.gen < m.floor.Load() {
			return // replaced meanwhile
		}
		if m.content.CompareAndSwap(old, next) {
			return
		}
	}
}

// Recall returns what was kept last; false if the cell is empty or holds
// another type.
func Recall[T any](c *Cell) (T, bool) {
	v, ok := c.memory().load().(T)
	return v, ok
}

func (m *memory) load() any {
	if c := m.content.Load(); c != nil {
		return c.value
	}
	return nil
}

func (m *memory) filled() bool { return m.load() != nil }

// fence refuses writes of generations before gen. Swapping the content for a
// copy makes a writer that passed its check before the fence try again.
func (m *memory) fence(gen uint64) {
	m.floor.Store(gen)
	for {
		old := m.content.Load()
		fresh := &content{}
		if old != nil {
			fresh.value = old.value
		}
		if m.content.CompareAndSwap(old, fresh) {
			return
		}
	}
}

// discard empties the cell for the generations from gen on.
func (m *memory) discard(gen uint64) {
	m.floor.Store(gen)
	m.content.Store(&content{}) // never nil: see fence
}
