package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every line that docs/adapter.md shows is one that this package writes, or reads,
// byte for byte as it stands there.
func TestDocumentedLines(t *testing.T) {
	data, err := os.ReadFile("../../docs/adapter.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	refused := false
	for text := range strings.Lines(string(data)) {
		text = strings.TrimSpace(text)
		line, request := strings.CutPrefix(text, "→ ")
		if line, ok := strings.CutPrefix(text, "← "); ok {
			if err := readsAsShown(line); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			refused = refused || strings.Contains(line, `"ok":false`)
			continue
		}
		if !request {
			if strings.HasPrefix(text, "{") {
				t.Errorf("a line of JSON without an arrow: %s", text)
			}
			continue
		}
		var c call
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Errorf("%v: %s", err, text)
			continue
		}
		shown[c.Op] = true
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != line {
			t.Errorf("the writer has\n%s\nand the document\n%s", again, line)
		}
		if c.Body != nil && !json.Valid([]byte(*c.Body)) {
			t.Errorf("the body is no JSON: %s", *c.Body)
		}
		if c.Op == "hello" && c.Protocol != Protocol {
			t.Errorf("the document has protocol %d, and this is %d", c.Protocol, Protocol)
		}
	}
	want := []string{"hello"}
	for _, op := range ops {
		want = append(want, op)
	}
	for _, op := range want {
		if !shown[op] {
			t.Errorf("docs/adapter.md shows no %s", op)
		}
	}
	for op := range shown {
		if !slices.Contains(want, op) {
			t.Errorf("docs/adapter.md shows %s, which is never sent", op)
		}
	}
	if !refused {
		t.Error("docs/adapter.md shows no refusal")
	}
	var table []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\|").FindAllStringSubmatch(string(data), -1) {
		table = append(table, m[1])
	}
	slices.Sort(table)
	slices.Sort(want[1:])
	if !slices.Equal(table, want[1:]) {
		t.Errorf("the table of operations has %v, and they are %v", table, want[1:])
	}
	if !strings.Contains(string(data), "at most 4 MiB") || maxLine != 4<<20 {
		t.Errorf("the document does not say that a line has at most %d bytes", maxLine)
	}
}

// readsAsShown: the reader takes the line and leaves nothing of it unread.
func readsAsShown(line string) error {
	r, err := parseReply([]byte(line))
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return err
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, []byte(line)); err != nil {
		return err
	}
	if tight.String() != line {
		return errNotTight
	}
	return nil
}

var errNotTight = errors.New("the line has spaces that it does not need")

func TestReadsAsShownCanFail(t *testing.T) {
	if err := readsAsShown(`{"id":1,"ok":true,"body":{"a":1}}`); err != nil {
		t.Error(err)
	}
	for _, line := range []string{`{"id":1}`, `{"id":1,"ok":true,"boody":{}}`, `{"id": 1,"ok":true}`, `{"id":1,"ok":true,"body":{…}}`, `{"id":1,"ok":false}`} {
		if readsAsShown(line) == nil {
			t.Errorf("taken: %s", line)
		}
	}
}
