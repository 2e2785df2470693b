package messages

import "time"

// ChaosKill asks chaos to break the actor at Path on purpose. Answered by Done
// as soon as the order is accepted and its first kill is done.
type ChaosKill struct {
	Path  string
	Mode  string        // panic (also ""), hang, slow
	Count bool          // let it count towards budgets, back-off and discarded cells
	Times int           // 0 is 1; at most 1000
	Every time.Duration // between two; 0: all at once
}
