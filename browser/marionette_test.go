package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// fakeMarionette is a server that greets, reads one command, and writes what answer makes of it.
func fakeMarionette(t *testing.T, greeting string, answer func(id int) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "%d:%s", len(greeting), greeting)
		b, err := readPacket(bufio.NewReader(c))
		if err != nil {
			return
		}
		var command []any
		if json.Unmarshal(b, &command) != nil || len(command) != 4 {
			return
		}
		fmt.Fprint(c, answer(int(command[1].(float64))))
		time.Sleep(time.Second)
	}()
	return l.Addr().String()
}

func TestMarionette(t *testing.T) {
	const hello = `{"applicationType":"gecko","marionetteProtocol":3}`
	frame := func(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }
	for _, tc := range []struct {
		name   string
		answer func(id int) string
		value  string
		want   string // in the error
	}{
		{"an answer", func(id int) string { return frame(fmt.Sprintf(`[1,%d,null,{"value":"yes"}]`, id)) }, "yes", ""},
		{"an answer behind another", func(id int) string {
			return frame(`[1,99,null,{}]`) + frame(fmt.Sprintf(`[1,%d,null,{"value":"yes"}]`, id))
		}, "yes", ""},
		{"a refusal", func(id int) string {
			return frame(fmt.Sprintf(`[1,%d,{"error":"unknown command","message":"what\nnow","stacktrace":""},null]`, id))
		}, "", "Do:It: unknown command: what now"},
		{"no array", func(int) string { return frame(`{}`) }, "", "read a message"},
		{"three members", func(int) string { return frame(`[1,1,null]`) }, "", "no answer of four members"},
		{"a length with letters", func(int) string { return "1x:" }, "", "'x' is no digit"},
		{"a length of nothing", func(int) string { return ":" }, "", "is no digit"},
		{"a length beyond reason", func(int) string { return "99999999999999999999:" }, "", "longer than"},
		{"a value of another type", func(id int) string { return frame(fmt.Sprintf(`[1,%d,null,{"value":5}]`, id)) }, "", "read the result"},
		{"silence", func(int) string { return "" }, "", "out of time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := testContext(t)
			m, err := dialMarionette(ctx, fakeMarionette(t, hello, tc.answer))
			if err != nil {
				t.Fatal(err)
			}
			defer m.close()
			ctx, cancel := context.WithTimeoutCause(ctx, 300*time.Millisecond, errors.New("out of time"))
			defer cancel()
			var v value[string]
			err = m.call(ctx, "Do:It", map[string]any{}, &v)
			if v.Value != tc.value || (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, %v", v.Value, err)
			}
		})
	}
	for _, greeting := range []string{"{", `{"applicationType":"gecko","marionetteProtocol":2}`, "[]"} {
		m, err := dialMarionette(testContext(t), fakeMarionette(t, greeting, nil))
		if err == nil || !strings.Contains(err.Error(), "greet marionette") {
			t.Errorf("greeted with %s: %v", greeting, err)
		}
		if err == nil {
			m.close()
		}
	}
}

func FuzzMarionette(f *testing.F) {
	f.Add([]byte(`22:[1,1,null,{"value":1}]`))
	f.Add([]byte(`30:[1,2,{"error":"a","message":""}`))
	f.Add([]byte("9999999999:"))
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, err := readPacket(bufio.NewReader(strings.NewReader(string(b))))
		if err != nil {
			return
		}
		if len(packet) > len(b) {
			t.Errorf("%d bytes were read out of %d", len(packet), len(b))
		}
		a, err := parseAnswer(packet)
		if err == nil && !json.Valid(a.result) {
			t.Errorf("the result %q is no JSON", a.result)
		}
	})
}
