// Package config turns YAML into a validated Config, a Config into one spec
// per actor, and two Configs into their difference. It is pure: bytes and facts
// about the host come in through arguments, values and findings go out. What
// options there are, with type, range, default and reload class, is declared in
// the tables of schema_*.go; what is known but not built stands in notbuilt.go.
package config
