package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"testing"
)

// A Firefox that is driven draws no panel at a ceremony, and what runs after
// that is the page's script and not the browser's own.
func TestFirefoxDrawsNoPrompts(t *testing.T) {
	c := theFirefox(t)
	v := openView(t, c, rpOrigin)
	v.plug(verifying)
	v.create(creation().with(resident))
	f := firefoxProcess(t, c)
	if !f.promptless {
		t.Error("it draws a panel at every ceremony, which takes ten times as long")
	}
	var kind value[string]
	if err := f.link.call(v.ctx, "WebDriver:ExecuteScript", map[string]any{"script": "return typeof Services", "args": []any{}}, &kind); err != nil {
		t.Fatal(err)
	}
	if kind.Value != "undefined" {
		t.Errorf("scripts run with the browser's own rights: Services is of type %q", kind.Value)
	}
}

// Where there is no access to the browser's own scripts the panels stay, and
// nothing else is different.
func TestFirefoxThatKeepsItsPrompts(t *testing.T) {
	refused := `{"error":"unsupported operation","message":"system access is required","stacktrace":""}`
	for _, tc := range []struct {
		name       string
		answers    []string // error and result, command by command
		want       []string
		promptless bool
		failed     bool
	}{
		{"there are prompts", []string{`null,{}`, `null,{"value":1}`, `null,{}`}, []string{"chrome", "script", "content"}, true, false},
		{"there are none", []string{`null,{}`, `null,{"value":0}`, `null,{}`}, []string{"chrome", "script", "content"}, false, false},
		{"no access", []string{refused + `,null`, `null,{}`}, []string{"chrome", "content"}, false, false},
		{"no access for the script", []string{`null,{}`, refused + `,null`, `null,{}`}, []string{"chrome", "script", "content"}, false, false},
		{"no way back", []string{`null,{}`, `null,{"value":1}`, refused + `,null`}, []string{"chrome", "script", "content"}, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			here, there := net.Pipe()
			defer here.Close()
			defer there.Close()
			asked := make(chan string, len(tc.answers))
			go func() {
				in := bufio.NewReader(there)
				for _, answer := range tc.answers {
					b, err := readPacket(in)
					var command []json.RawMessage
					var params map[string]any
					if err != nil || json.Unmarshal(b, &command) != nil || len(command) != 4 || json.Unmarshal(command[3], &params) != nil {
						return
					}
					what, _ := params["value"].(string)
					if what == "" {
						what = "script"
					}
					asked <- what
					packet := fmt.Sprintf("[1,%s,%s]", command[1], answer)
					fmt.Fprintf(there, "%d:%s", len(packet), packet)
				}
			}()
			f := &firefox{link: &marionette{conn: here, in: bufio.NewReader(here)}}
			err := f.dropPrompts(testContext(t))
			if (err != nil) != tc.failed || f.promptless != tc.promptless {
				t.Errorf("promptless is %v, and the error %v", f.promptless, err)
			}
			var got []string
			for len(asked) > 0 {
				got = append(got, <-asked)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("asked for %q, want %q", got, tc.want)
			}
		})
	}
}
