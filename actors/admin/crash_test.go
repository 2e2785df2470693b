package admin

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// server counts; a close takes a second.
type server struct {
	starts, closes int
	fail           error // of the next start
	failed         func(error)
}

func (l *server) Start(failed func(error)) error {
	l.starts++
	l.failed = failed
	err := l.fail
	l.fail = nil
	return err
}

func (l *server) Close() error {
	time.Sleep(time.Second)
	l.closes++
	return nil
}

func crashing(t *testing.T, l *server, f func(s *supervisors.System, crash func())) {
	synctest.Test(t, func(t *testing.T) {
		type boom struct{}
		shell := func(c supervisors.Child) actor.Actor {
			a := New(l)(c)
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*boom); ok {
					panic("boom")
				}
				a.Receive(ctx)
			})
		}
		s, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
			{Name: "edge", Children: []supervisors.Node{{Name: "admin", New: shell}}},
		}}, supervisors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f(s, func() { s.Tell(messages.PathAdmin, &boom{}); synctest.Wait() })
		_ = s.Close(5 * time.Second)
	})
}

func TestAStartThatFailsIsTriedAgain(t *testing.T) {
	l := &server{fail: errors.New("in use")}
	crashing(t, l, func(s *supervisors.System, _ func()) {
		time.Sleep(time.Second)
		synctest.Wait()
		r, _ := s.Registry().Record(messages.PathAdmin)
		if l.starts != 2 || r.State != supervisors.Running || r.LastCrash == nil || r.LastCrash.Reason != "start admin listener: in use" {
			t.Errorf("%d starts, %+v", l.starts, r)
		}
	})
}

func TestWhoOrderedTheStopIsAnsweredInSpiteOfACrash(t *testing.T) {
	l := &server{}
	crashing(t, l, func(s *supervisors.System, crash func()) {
		time.AfterFunc(500*time.Millisecond, func() { go crash() })
		v, err := s.Ask(messages.PathAdmin, 5*time.Second, &messages.StopAdmin{})
		if err != nil {
			t.Fatal(err)
		}
		if d := v.(*messages.Done); d.Error != "" || l.closes != 1 {
			t.Errorf("answer %+v, %d closes", d, l.closes)
		}
	})
}

func TestAFailureOfAnEarlierServingIsNobodysCrash(t *testing.T) {
	l := &server{}
	crashing(t, l, func(s *supervisors.System, crash func()) {
		old := l.failed
		crash()
		old(errors.New("late"))
		synctest.Wait()
		r, _ := s.Registry().Record(messages.PathAdmin)
		if l.starts != 2 || r.Restarts != 1 || r.LastCrash.Reason != "boom" {
			t.Errorf("%d starts, %+v", l.starts, r)
		}
	})
}
