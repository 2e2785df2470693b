package plan

import (
	"hash/maphash"
	"iter"
	"maps"
)

const shardCount = 256

// Map is a map that is never changed in place: an edit shares what it does not touch.
type Map[K comparable, V any] struct {
	seed   maphash.Seed
	shards *[shardCount]map[K]V // nil: empty
	n      int
}

// Len is the number of entries.
func (m Map[K, V]) Len() int { return m.n }

// Get returns the value of k.
func (m Map[K, V]) Get(k K) (V, bool) {
	if m.shards == nil {
		var zero V
		return zero, false
	}
	v, ok := m.shards[m.shard(k)][k]
	return v, ok
}

func (m Map[K, V]) shard(k K) int { return int(maphash.Comparable(m.seed, k) % shardCount) }

// All walks the entries in no order.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m.shards == nil {
			return
		}
		for _, s := range m.shards {
			for k, v := range s {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}

// Set returns the map with k set.
func (m Map[K, V]) Set(k K, v V) Map[K, V] {
	e := m.edit()
	e.set(k, v)
	return e.done()
}

// Delete returns the map without k.
func (m Map[K, V]) Delete(k K) Map[K, V] {
	e := m.edit()
	e.delete(k)
	return e.done()
}

// editor makes a new map out of one; many changes copy a shard once.
type editor[K comparable, V any] struct {
	m     Map[K, V]
	fresh [shardCount]bool
	own   bool
}

func (m Map[K, V]) edit() *editor[K, V] { return &editor[K, V]{m: m} }

func (e *editor[K, V]) get(k K) (V, bool) { return e.m.Get(k) }

func (e *editor[K, V]) set(k K, v V) {
	s := e.touch(k)
	if _, had := s[k]; !had {
		e.m.n++
	}
	s[k] = v
}

func (e *editor[K, V]) delete(k K) {
	if _, had := e.m.Get(k); had {
		delete(e.touch(k), k)
		e.m.n--
	}
}

func (e *editor[K, V]) touch(k K) map[K]V {
	if !e.own {
		var shards [shardCount]map[K]V
		if e.m.shards != nil {
			shards = *e.m.shards
		} else {
			e.m.seed = maphash.MakeSeed()
		}
		e.m.shards, e.own = &shards, true
	}
	i := e.m.shard(k)
	if !e.fresh[i] {
		next := make(map[K]V, len(e.m.shards[i])+1)
		maps.Copy(next, e.m.shards[i])
		e.m.shards[i], e.fresh[i] = next, true
	}
	return e.m.shards[i]
}

// done returns the new map; the editor must not be used any more.
func (e *editor[K, V]) done() Map[K, V] { return e.m }
