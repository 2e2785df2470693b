package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/understudy-ha/understudy/messages"
)

const (
	defaultSocket = "/run/understudy/admin.sock"
	dialLimit     = 2 * time.Second
	askLimit      = 90 * time.Second // a switchover waits for a down interval
	maxAnswer     = 256 << 20
)

// client talks to a daemon over its admin socket.
type client struct {
	socket string
	http   *http.Client
}

// addSocketFlag adds --admin-socket to a command that asks a daemon.
func addSocketFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("admin-socket", defaultSocket, "admin socket of the daemon")
}

func newClient(socket string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, "unix", socket)
	}
	return &client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// answer is what orders and errors are answered with.
type answer struct {
	OK       bool               `json:"ok"`
	Error    string             `json:"error"`
	Findings []messages.Finding `json:"findings"`
}

// refusedError is an answer other than 200. It ends the program with exit code
// 2 when the configuration is invalid, else with 1.
type refusedError struct {
	status int
	answer answer
}

func (e *refusedError) Error() string {
	if e.answer.Error == "" {
		return fmt.Sprintf("the daemon answered %d %s", e.status, http.StatusText(e.status))
	}
	return e.answer.Error
}

// get asks and returns the JSON of the answer.
func (c *client) get(ctx context.Context, path string) (json.RawMessage, error) {
	return c.do(ctx, http.MethodGet, path, nil)
}

// post orders.
func (c *client) post(ctx context.Context, path string, body any) (answer, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return answer{}, fmt.Errorf("write order %s: %w", path, err)
	}
	raw, err := c.do(ctx, http.MethodPost, path, b)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return answer{}, fmt.Errorf("read answer to %s: %w", path, err)
	}
	return a, nil
}

func (c *client) do(ctx context.Context, method, path string, body []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	resp, err := c.open(ctx, method, path, "application/json", body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer to %s: %w", path, err)
	}
	return raw, nil
}

// open sends a request. The caller closes the body of the answer, which is a 200.
func (c *client) open(ctx context.Context, method, path, accept string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://understudy"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", path, err)
	}
	req.Header.Set("Accept", accept)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	refused := &refusedError{status: resp.StatusCode}
	// What is not JSON stays out of the text; the status is told anyway.
	_ = json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&refused.answer)
	return nil, refused
}

// unreachable turns the layers of a failed dial into one line.
func (c *client) unreachable(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" {
		return fmt.Errorf("ask daemon on %s: %w", c.socket, err)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) && (errno == syscall.EACCES || errno == syscall.EPERM) {
		return fmt.Errorf("admin socket %s: %w: it is for its owner and group", c.socket, errno)
	}
	if errno != 0 {
		return fmt.Errorf("no daemon answers on %s: %w", c.socket, errno)
	}
	return fmt.Errorf("no daemon answers on %s: %w", c.socket, op.Err)
}

// gone reports whether nobody listens on the socket any more. A dial that was
// cut short says nothing.
func (c *client) gone(ctx context.Context) bool {
	conn, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, "unix", c.socket)
	if err != nil {
		return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
	}
	conn.Close()
	return false
}

// outcome gives an error of the client its exit code; findings are printed.
func outcome(cmd *cobra.Command, err error) error {
	var refused *refusedError
	if !errors.As(err, &refused) {
		return err
	}
	for _, f := range refused.answer.Findings {
		fmt.Fprintln(cmd.ErrOrStderr(), findingLine(f))
	}
	code := exitError
	if refused.status == http.StatusUnprocessableEntity {
		code = exitInvalid
	}
	return &exitCodeError{code: code, err: err}
}

// findingLine is file:line:col: severity: text.
func findingLine(f messages.Finding) string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Column, f.Severity, f.Text)
}

// urlName encodes a NAME of the command line for a URL. An object called "."
// or ".." must not be taken for a step in the path.
func urlName(name string) string {
	if strings.Trim(name, ".") == "" {
		return strings.Repeat("%2E", len(name))
	}
	return messages.Escape(name)
}

// printJSON writes raw indented.
func printJSON(w io.Writer, raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

const (
	watchEvery  = time.Second
	clearScreen = "\x1b[H\x1b[2J"
)

// watch draws at once and then each second until the context ends or draw
// fails. A whole frame is written at a time, so that nothing flickers.
func watch(ctx context.Context, w io.Writer, draw func(io.Writer) error) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		var frame bytes.Buffer
		frame.WriteString(clearScreen)
		if err := draw(&frame); err != nil {
			return err
		}
		if _, err := w.Write(frame.Bytes()); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
