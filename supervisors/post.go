package supervisors

// Post is a way to one actor for those who have much to tell it: no look-up by
// path. It stays good over crashes and restarts, until the actor is stopped.
type Post struct{ e *entry }

// Post finds the actor at path.
func (s *System) Post(path string) (*Post, error) {
	e, err := s.find(path)
	if err != nil {
		return nil, err
	}
	return &Post{e}, nil
}

// Tell is System.Tell.
func (p *Post) Tell(msg any) { p.e.post(msg) }

// Idle reports that the actor runs, handles nothing and has nothing waiting:
// whatever one would ask of it, it has answered all.
func (p *Post) Idle() bool {
	i := p.e.inc.Load()
	return i != nil && !i.fenced.Load() && i.busy.Load() == 0 && p.e.is(Running) && p.e.queue.len() == 0
}
