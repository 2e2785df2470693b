package config

import "time"

// rawConfig is the file as written.
type rawConfig struct {
	version val[int]
	include val[[]val[string]]
	global  val[rawGlobal]
	admin   val[rawAdmin]
	vrrp    val[rawVRRP]
}

type rawGlobal struct {
	routerID, instance, runDir, stateDir val[string]
	stopTimeout                          val[time.Duration]
	umask                                val[uint32]
	process                              val[rawProcess]
}

type rawProcess struct {
	lockMemory val[bool]
	vrrp       val[rawThread]
}

type rawThread struct {
	name           val[string]
	nice, priority val[int]
	affinity       val[[]val[int]]
}

type rawAdmin struct {
	socket  val[rawSocket]
	metrics val[rawMetrics]
	pprof   val[bool]
	chaos   val[rawChaos]
}

type rawSocket struct {
	path, user, group val[string]
	mode              val[uint32]
}

type (
	rawMetrics struct{ enabled val[bool] }
	rawChaos   struct{ enabled val[bool] }
)

// maxCPU is the highest CPU number of the kernel's cpu_set_t.
const maxCPU = 1023

var (
	includeKind = list(pathKind)

	threadKind = object([]field[rawThread]{
		key("thread_name", text(1, 15), func(r *rawThread) *val[string] { return &r.name }, def("vrrp")),
		key("nice", integer(-20, 19), func(r *rawThread) *val[int] { return &r.nice }, def("0")),
		key("rt_priority", integer(0, 99), func(r *rawThread) *val[int] { return &r.priority }, def("0")),
		key("cpu_affinity", list(integer(0, maxCPU)), func(r *rawThread) *val[[]val[int]] { return &r.affinity }, says("[]")),
	})

	processKind = object([]field[rawProcess]{
		key("lock_memory", boolKind, func(r *rawProcess) *val[bool] { return &r.lockMemory }, def("false")),
		key("vrrp", threadKind, func(r *rawProcess) *val[rawThread] { return &r.vrrp }),
	})

	globalKind = object([]field[rawGlobal]{
		key("router_id", text(1, 255), func(r *rawGlobal) *val[string] { return &r.routerID }, says("host name")),
		key("instance", nameKind, func(r *rawGlobal) *val[string] { return &r.instance }, says("unset"), class(Restart)),
		key("run_dir", absoluteKind, func(r *rawGlobal) *val[string] { return &r.runDir }, def("/run/understudy"), class(Restart)),
		key("state_dir", absoluteKind, func(r *rawGlobal) *val[string] { return &r.stateDir }, def("/var/lib/understudy"), class(Restart)),
		key("stop_timeout", seconds32(4294967295), func(r *rawGlobal) *val[time.Duration] { return &r.stopTimeout }, def("5s")),
		key("umask", octalKind, func(r *rawGlobal) *val[uint32] { return &r.umask }, def(`"0177"`), class(Start)),
		key("process", processKind, func(r *rawGlobal) *val[rawProcess] { return &r.process }),
	})

	socketKind = object([]field[rawSocket]{
		key("path", pathKind, func(r *rawSocket) *val[string] { return &r.path }, says("admin.sock in run_dir")),
		key("mode", octalKind, func(r *rawSocket) *val[uint32] { return &r.mode }, def(`"0660"`)),
		key("user", accountKind, func(r *rawSocket) *val[string] { return &r.user }, def("root")),
		key("group", accountKind, func(r *rawSocket) *val[string] { return &r.group }, def("root")),
	})

	adminKind = object([]field[rawAdmin]{
		key("socket", socketKind, func(r *rawAdmin) *val[rawSocket] { return &r.socket }),
		key("metrics", object([]field[rawMetrics]{
			key("enabled", boolKind, func(r *rawMetrics) *val[bool] { return &r.enabled }, def("true")),
		}), func(r *rawAdmin) *val[rawMetrics] { return &r.metrics }),
		key("pprof", boolKind, func(r *rawAdmin) *val[bool] { return &r.pprof }, def("false")),
		key("chaos", object([]field[rawChaos]{
			key("enabled", boolKind, func(r *rawChaos) *val[bool] { return &r.enabled }, def("false"), class(Restart)),
		}), func(r *rawAdmin) *val[rawChaos] { return &r.chaos }),
	})

	configKind = object([]field[rawConfig]{
		key("version", integer(1, 1), func(r *rawConfig) *val[int] { return &r.version }, required, class(Restart)),
		key("include", includeKind, func(r *rawConfig) *val[[]val[string]] { return &r.include }, says("[]")),
		key("global", globalKind, func(r *rawConfig) *val[rawGlobal] { return &r.global }),
		key("admin", adminKind, func(r *rawConfig) *val[rawAdmin] { return &r.admin }),
		key("vrrp", vrrpKind, func(r *rawConfig) *val[rawVRRP] { return &r.vrrp }),
	})
)

// seconds32 is a duration from 0s to high seconds with fractions.
func seconds32(high int64) kind[time.Duration] {
	return duration(span{high: time.Duration(high) * time.Second, step: time.Microsecond})
}

// Options lists every key that this version takes, in the order of the file.
func Options() []Option {
	var out []Option
	configKind.walk("", func(o Option) { out = append(out, o) })
	return out
}
