package main

import (
	"fmt"
	"net"
	"sync/atomic"

	"golang.org/x/net/ipv4"

	"github.com/understudy-ha/understudy/integration/lab"
)

const (
	demoPort    = 4000
	demoMaxName = 16 // bytes of a router's name in an answer
	demoSeqSize = 8  // bytes of the request's number, big endian; an answer repeats it
)

// demoService is what stands behind the virtual address on one router: it
// answers every request with the name of its router, from the address that was
// asked. It is bound to the wildcard, so it needs not know when the virtual
// address comes.
type demoService struct {
	conn   *ipv4.PacketConn
	silent atomic.Bool // the router is dead: nobody answers
	ended  chan struct{}
}

// startDemoService opens the socket in the router's namespace.
func startDemoService(h *lab.Host) (*demoService, error) {
	s := &demoService{ended: make(chan struct{})}
	err := h.Do(func() error {
		c, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", demoPort))
		if err != nil {
			return err
		}
		s.conn = ipv4.NewPacketConn(c)
		return s.conn.SetControlMessage(ipv4.FlagDst, true)
	})
	if err != nil {
		if s.conn != nil {
			s.conn.Close()
		}
		return nil, fmt.Errorf("start the service of %s: %w", h.Name, err)
	}
	go s.serve(h.Host) // ends with close
	return s, nil
}

func (s *demoService) serve(name string) {
	defer close(s.ended)
	b := make([]byte, demoSeqSize+demoMaxName)
	for {
		n, cm, from, err := s.conn.ReadFrom(b[:demoSeqSize])
		if err != nil {
			return // only a closed socket does that
		}
		if n != demoSeqSize || cm == nil || s.silent.Load() {
			continue
		}
		n += copy(b[demoSeqSize:], name)
		// The address may be gone by now: then nobody answers, which is what is measured.
		_, _ = s.conn.WriteTo(b[:n], &ipv4.ControlMessage{Src: cm.Dst}, from)
	}
}

func (s *demoService) close() {
	s.conn.Close()
	<-s.ended
}
