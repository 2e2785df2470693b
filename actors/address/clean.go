package address

import (
	"net/netip"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/messages"
)

// cleaning is one CleanAddresses under way.
type cleaning struct {
	list  []plan.Wish
	reply func(*messages.AddressesCleaned)
	begun bool
	forms []plan.Form // the dump
	err   error
}

// clean removes left-overs once the interfaces of the list are known.
func (a *Actor) clean(ctx actor.Context, m *messages.CleanAddresses) {
	root, sender := ctx.ActorSystem().Root, ctx.Sender()
	c := &cleaning{list: wishesOf(m.Addresses), reply: func(r *messages.AddressesCleaned) {
		if sender != nil {
			root.Send(sender, r)
		}
	}}
	a.cleans = append(a.cleans, c)
	a.askFor(c.list)
	a.cleanBegin(c)
}

func (a *Actor) cleanBegin(c *cleaning) {
	if c.begun || a.unknown(c.list) {
		return
	}
	c.begun = true
	mem := a.mem
	a.child.Go(func() {
		c.forms, c.err = a.reader.Addresses()
		mem.tell(c)
	})
}

func (a *Actor) cleanDump(c *cleaning) {
	if c.err != nil {
		a.log.Error("left-over addresses not read", "err", c.err)
		a.cleaned(c, &done{})
		return
	}
	dels := a.mem.book.Leftovers(c.list, c.forms, a.env())
	if len(dels) == 0 {
		a.cleaned(c, &done{})
		return
	}
	j := a.job(plan.Order{Owner: a.child.Path, Job: a.nextJob(), Dels: dels}, nil)
	a.hand(j, &flight{then: func(d *done) { a.cleaned(c, d) }})
}

// cleaned answers.
func (a *Actor) cleaned(c *cleaning, d *done) {
	a.cleans = slices.DeleteFunc(a.cleans, func(o *cleaning) bool { return o == c })
	answer := &messages.AddressesCleaned{}
	for i, f := range d.dels {
		if d.result.DelFailed[i] == nil {
			answer.Removed = append(answer.Removed, f.Prefix)
			a.log.Info("left-over address removed", "address", f.Prefix.String())
		}
	}
	slices.SortFunc(answer.Removed, netip.Prefix.Compare)
	c.reply(answer)
}
