package config

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// manyInstances is a configuration of n instances, in flow or in block style.
func manyInstances(n int, flow bool) string {
	format := "    - {name: V%d, interface: eth%d, vrid: %d, priority: 250, version: 3, advert_interval: 1000ms, virtual_ips: [\"192.168.%d.%d/32\"]}\n"
	if !flow {
		format = `    - name: V%d
      interface: eth%d
      vrid: %d
      priority: 250
      version: 3
      advert_interval: 1000ms
      virtual_ips:
        - "192.168.%d.%d/32"
`
	}
	var b strings.Builder
	b.WriteString("version: 1\nvrrp:\n  instances:\n")
	for i := range n {
		fmt.Fprintf(&b, format, i+1, i/255, i%255+1, i/250, i%250+1)
	}
	return b.String()
}

// BenchmarkLoad4000 is what the start of a daemon with 4000 instances pays for
// its configuration: at most 80 ms of the 200 ms that a start may take.
func BenchmarkLoad4000(b *testing.B) {
	for _, style := range []string{"flow", "block"} {
		b.Run(style, func(b *testing.B) {
			f := files{"u.yaml": manyInstances(4000, style == "flow")}
			b.ReportAllocs()
			for b.Loop() {
				if c, findings := Load(f.read, f.glob, "u.yaml", nil); c == nil {
					b.Fatal(lines(findings))
				}
			}
		})
	}
}

// Nothing of the text or of its tree stays: they are ten times the Config.
func TestLoadKeepsTheConfigOnly(t *testing.T) {
	const instances, octetsEach = 4000, 1024
	f := files{"u.yaml": manyInstances(instances, true)}
	before := heap()
	c, findings := Load(f.read, f.glob, "u.yaml", nil)
	if c == nil {
		t.Fatal(lines(findings))
	}
	if kept := heap() - before; kept > instances*octetsEach {
		t.Errorf("%d octets for each instance, want at most %d", kept/instances, octetsEach)
	}
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
