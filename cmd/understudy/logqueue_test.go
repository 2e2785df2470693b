package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// stuck writes nothing until it is let go.
type stuck struct {
	io.Writer
	free chan struct{}
}

func (s stuck) Write(p []byte) (int, error) {
	<-s.free
	return s.Writer.Write(p)
}

func TestAStuckReaderOfTheLogHoldsNobodyUp(t *testing.T) {
	var out bytes.Buffer
	w := stuck{&out, make(chan struct{})}
	q := newLogQueue(w)
	const lines = logWaiting + 500
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for i := range lines {
			if n, err := fmt.Fprintf(q, "line %d\n", i); n == 0 || err != nil {
				t.Errorf("line %d: %d, %v", i, n, err)
			}
		}
	}()
	select {
	case <-wrote:
	case <-time.After(10 * time.Second):
		t.Fatal("logging waits for the reader")
	}
	q.Close(time.Millisecond) // does not wait for ever either
	close(w.free)
	<-q.ended
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	// The line at which the writer was stuck has left the queue.
	if kept := len(got) - 1; kept != logWaiting && kept != logWaiting+1 || got[0] != "line 0" || got[1] != "line 1" {
		t.Errorf("kept %d lines, first %q, %q", kept, got[0], got[1])
	}
	if want := fmt.Sprintf("%d log lines dropped: the reader of the log was too slow", lines-(len(got)-1)); got[len(got)-1] != want {
		t.Errorf("last line %q, want %q", got[len(got)-1], want)
	}
}

func TestTheLogIsWrittenToTheEnd(t *testing.T) {
	var out bytes.Buffer
	q := newLogQueue(&out)
	for i := range 100 {
		fmt.Fprintf(q, "%d\n", i)
	}
	q.Close(10 * time.Second)
	fmt.Fprintln(q, "late")
	if n := strings.Count(out.String(), "\n"); n != 100 || strings.Contains(out.String(), "late") {
		t.Errorf("got %d lines: %s", n, out.String())
	}
}
