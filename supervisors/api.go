// Package supervisors is the one door to the actor runtime: who restarts whom,
// what survives a crash, and how actors reach each other.
package supervisors
