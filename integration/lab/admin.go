package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

const (
	adminLimit = 12 * time.Second // a switchover may take a down interval
	maxAnswer  = 16 << 20
)

// Admin talks to a daemon through its admin socket.
type Admin struct {
	Socket string
	client *http.Client
}

// Refused is an answer other than 2xx.
type Refused struct {
	Status int
	Body   string
}

func (r *Refused) Error() string { return fmt.Sprintf("status %d: %s", r.Status, r.Body) }

// NewAdmin makes a client for the socket; nothing is opened yet.
func NewAdmin(socket string) *Admin {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &Admin{Socket: socket, client: &http.Client{Timeout: adminLimit, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Get decodes the answer into out, which may be nil. The error wraps *Refused
// if the daemon said no.
func (a *Admin) Get(path string, out any) error { return a.do(http.MethodGet, path, nil, out) }

// Post sends body as JSON; body and out may be nil.
func (a *Admin) Post(path string, body, out any) error {
	return a.do(http.MethodPost, path, body, out)
}

func (a *Admin) do(method, path string, body, out any) error {
	raw, err := a.Raw(method, path, body)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s %s: %w in %s", method, path, err, raw)
	}
	return nil
}

// Raw returns the body of the answer.
func (a *Admin) Raw(method, path string, body any) ([]byte, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, "http://understudy"+path, in)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %w", method, path, &Refused{Status: resp.StatusCode, Body: string(raw)})
	}
	return raw, nil
}

// Instance reads the status of one VRRP instance.
func (a *Admin) Instance(name string) (messages.InstanceStatus, error) {
	var s messages.InstanceStatus
	err := a.Get("/v1/vrrp/"+url.PathEscape(name), &s)
	return s, err
}

// Events reads the timeline after a sequence number, oldest first.
func (a *Admin) Events(since uint64) ([]messages.Event, error) {
	raw, err := a.Raw(http.MethodGet, fmt.Sprintf("/v1/events?since=%d", since), nil)
	if err != nil {
		return nil, err
	}
	var out []messages.Event
	dec := json.NewDecoder(bytes.NewReader(raw))
	for {
		var e messages.Event
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("read the timeline: %w", err)
		}
		out = append(out, e)
	}
}

// Kill makes an actor crash. Mode is panic, hang or slow.
func (a *Admin) Kill(path, mode string) error {
	return a.Post("/v1/chaos/kill", map[string]any{"path": path, "mode": mode}, nil)
}

// Tree reads the actor tree.
func (a *Admin) Tree() (*messages.ActorNode, error) {
	var n messages.ActorNode
	if err := a.Get("/v1/tree", &n); err != nil {
		return nil, err
	}
	return &n, nil
}
