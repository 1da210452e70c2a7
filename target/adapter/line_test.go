package adapter

import (
	"strings"
	"testing"
)

func TestParseReply(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{`{"id":1,"ok":true}`, ""},
		{` {"id":18446744073709551615,"ok":true,"body":{"challenge":"x"},"more":1} `, ""},
		{`{"id":1,"ok":false,"error":"no"}`, ""},
		{`{"id":1,"ok":false}`, "needs an error"},
		{`{"ok":true}`, "needs both id and ok"},
		{`{"id":1}`, "needs both id and ok"},
		{`null`, "needs both id and ok"},
		{`{"id":-1,"ok":true}`, "no answer"},
		{`{"id":1,"ok":true,"body":[]}`, "no answer"},
		{`{"id":1,"ok":true} {}`, "no answer"},
		{``, "no answer"},
		{`debug: loaded`, "logs belong on standard error"},
		{"{\"id\":1,\"ok\":true,\"error\":\"\xff\"}", "not UTF-8"},
	} {
		_, err := parseReply([]byte(tc.line))
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.line, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, want %q in it", tc.line, err, tc.want)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"id":1,"ok":true,"body":{"a":[1,2,{"b":null}]}}`))
	f.Add([]byte(`{"id":1,"ok":false,"error":"x"}`))
	f.Add([]byte("{\"id\":\xff"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseReply(line)
		if (r == nil) == (err == nil) {
			t.Fatalf("reply %v, error %v", r, err)
		}
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has more than one line: %q", err)
			}
			return
		}
		if r.ID == nil || r.OK == nil || (!*r.OK && r.Error == "") {
			t.Errorf("an answer without what it needs: %s", line)
		}
	})
}
