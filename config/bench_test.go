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

// BenchmarkLoad4000 is the start of a daemon with 4000 instances; the whole
// start has 200 ms. retained-B is the heap that the Config keeps.
func BenchmarkLoad4000(b *testing.B) {
	for _, style := range []string{"flow", "block"} {
		b.Run(style, func(b *testing.B) {
			f := files{"u.yaml": manyInstances(4000, style == "flow")}
			b.ReportAllocs()
			var c *Config
			var findings []Finding
			for b.Loop() {
				c, findings = Load(f.read, f.glob, "u.yaml", nil)
			}
			if c == nil || len(c.VRRP.Instances) != 4000 {
				b.Fatal(lines(findings))
			}
			var with, without runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&with)
			runtime.KeepAlive(c)
			c = nil
			runtime.GC()
			runtime.ReadMemStats(&without)
			b.ReportMetric(float64(with.HeapAlloc)-float64(without.HeapAlloc), "retained-B")
		})
	}
}
