package config

import "slices"

// instanceKeys says of each key of an instance, but its name, whether both have the same value.
var instanceKeys = []struct {
	key  string
	same func(a, b *Instance) bool
}{
	{"interface", func(a, b *Instance) bool { return a.Interface == b.Interface }},
	{"vrid", func(a, b *Instance) bool { return a.VRID == b.VRID }},
	{"family", func(a, b *Instance) bool { return a.Family == b.Family }},
	{"version", func(a, b *Instance) bool { return a.Version == b.Version }},
	{"priority", func(a, b *Instance) bool { return a.Priority == b.Priority }},
	{"state", sameState},
	{"advert_interval", func(a, b *Instance) bool { return a.AdvertInterval == b.AdvertInterval }},
	{"strict", func(a, b *Instance) bool { return a.Strict == b.Strict }},
	{"preempt", func(a, b *Instance) bool { return a.Preempt == b.Preempt }},
	{"preempt_delay", func(a, b *Instance) bool { return a.PreemptDelay == b.PreemptDelay }},
	{"down_timer_adverts", func(a, b *Instance) bool { return a.DownTimerAdverts == b.DownTimerAdverts }},
	{"advert_to_lower_priority", func(a, b *Instance) bool { return a.AdvertToLowerPriority == b.AdvertToLowerPriority }},
	{"advert_to_higher_priority", func(a, b *Instance) bool { return a.AdvertToHigherPriority == b.AdvertToHigherPriority }},
	{"owner_ignore_adverts", func(a, b *Instance) bool { return a.OwnerIgnoreAdverts == b.OwnerIgnoreAdverts }},
	{"check_advert_addresses", func(a, b *Instance) bool { return a.CheckAdvertAddresses == b.CheckAdvertAddresses }},
	{"reannounce_after_conflict", func(a, b *Instance) bool { return a.ReannounceAfterConflict == b.ReannounceAfterConflict }},
	{"v3_checksum_as_v2", func(a, b *Instance) bool { return a.Checksum == b.Checksum }},
	{"timer_expired_backup", func(a, b *Instance) bool { return a.TimerExpiredBackup == b.TimerExpiredBackup }},
	{"track_primary", func(a, b *Instance) bool { return a.TrackPrimary == b.TrackPrimary }},
	{"source_ip", func(a, b *Instance) bool { return a.SourceIP == b.SourceIP }},
	{"track_source_ip", func(a, b *Instance) bool { return a.TrackSourceIP == b.TrackSourceIP }},
	{"mcast_group", func(a, b *Instance) bool { return a.McastGroup == b.McastGroup }},
	{"receive_buffer", func(a, b *Instance) bool { return a.ReceiveBuffer == b.ReceiveBuffer }},
	{"unicast", func(a, b *Instance) bool { return sameUnicast(a.Unicast, b.Unicast) }},
	{"garp", func(a, b *Instance) bool { return a.GARP == b.GARP }},
	{"virtual_ips", func(a, b *Instance) bool { return slices.Equal(a.VirtualIPs, b.VirtualIPs) }},
	{"virtual_ips_excluded", func(a, b *Instance) bool { return slices.Equal(a.VirtualIPsExcluded, b.VirtualIPsExcluded) }},
}

// sameState ignores a start as master that only follows the priority.
func sameState(a, b *Instance) bool {
	follows := func(n *Instance) bool { return n.StartMaster == (n.Priority == 255) }
	return a.StartMaster == b.StartMaster || follows(a) && follows(b)
}

func sameUnicast(a, b *Unicast) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Peers, b.Peers) && a.TTL == b.TTL && a.CheckSource == b.CheckSource &&
		a.OldChecksum == b.OldChecksum && a.FaultWithoutPeers == b.FaultWithoutPeers
}

// changedKeys are the keys whose values differ, in the order of the table.
func changedKeys(a, b *Instance) []string {
	var keys []string
	for _, k := range instanceKeys {
		if !k.same(a, b) {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// optionKeys says the same of the keys outside the instances.
var optionKeys = []struct {
	key   string
	class Class
	same  func(a, b *Config) bool
}{
	{"global.router_id", Live, func(a, b *Config) bool { return a.Global.RouterID == b.Global.RouterID }},
	{"global.instance", Restart, func(a, b *Config) bool { return a.Global.Instance == b.Global.Instance }},
	{"global.run_dir", Restart, func(a, b *Config) bool { return a.Global.RunDir == b.Global.RunDir }},
	{"global.state_dir", Restart, func(a, b *Config) bool { return a.Global.StateDir == b.Global.StateDir }},
	{"global.stop_timeout", Live, func(a, b *Config) bool { return a.Global.StopTimeout == b.Global.StopTimeout }},
	{"global.umask", Start, func(a, b *Config) bool { return a.Global.Umask == b.Global.Umask }},
	{"global.process.lock_memory", Live, func(a, b *Config) bool { return a.Global.LockMemory == b.Global.LockMemory }},
	{"global.process.vrrp.thread_name", Live, func(a, b *Config) bool { return a.Global.Pacer.Name == b.Global.Pacer.Name }},
	{"global.process.vrrp.nice", Live, func(a, b *Config) bool { return a.Global.Pacer.Nice == b.Global.Pacer.Nice }},
	{"global.process.vrrp.rt_priority", Live, func(a, b *Config) bool { return a.Global.Pacer.RTPriority == b.Global.Pacer.RTPriority }},
	{"global.process.vrrp.cpu_affinity", Live, func(a, b *Config) bool { return slices.Equal(a.Global.Pacer.CPUs, b.Global.Pacer.CPUs) }},
	{"admin.socket.path", Live, func(a, b *Config) bool { return a.Admin.SocketPath == b.Admin.SocketPath }},
	{"admin.socket.mode", Live, func(a, b *Config) bool { return a.Admin.SocketMode == b.Admin.SocketMode }},
	{"admin.socket.user", Live, func(a, b *Config) bool { return a.Admin.SocketUser == b.Admin.SocketUser }},
	{"admin.socket.group", Live, func(a, b *Config) bool { return a.Admin.SocketGroup == b.Admin.SocketGroup }},
	{"admin.metrics.enabled", Live, func(a, b *Config) bool { return a.Admin.Metrics == b.Admin.Metrics }},
	{"admin.pprof", Live, func(a, b *Config) bool { return a.Admin.Pprof == b.Admin.Pprof }},
	{"admin.chaos.enabled", Restart, func(a, b *Config) bool { return a.Admin.Chaos == b.Admin.Chaos }},
	{"vrrp.startup_delay", Live, func(a, b *Config) bool { return a.VRRP.StartupDelay == b.VRRP.StartupDelay }},
	{"vrrp.delay_after_boot", Start, func(a, b *Config) bool { return a.VRRP.DelayAfterBoot == b.VRRP.DelayAfterBoot }},
	{"vrrp.log_unknown_vrids", Live, func(a, b *Config) bool { return a.VRRP.LogUnknownVRIDs == b.VRRP.LogUnknownVRIDs }},
	{"vrrp.release_on_stop", Live, func(a, b *Config) bool { return a.VRRP.ReleaseOnStop == b.VRRP.ReleaseOnStop }},
	{"vrrp.interfaces.dynamic", Live, func(a, b *Config) bool { return a.VRRP.DynamicInterfaces == b.VRRP.DynamicInterfaces }},
	{"vrrp.interfaces.dynamic_allow_changes", Live, func(a, b *Config) bool { return a.VRRP.DynamicChanges == b.VRRP.DynamicChanges }},
}
