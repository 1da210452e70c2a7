package target

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// procedural is a profile with a procedure of two steps.
const procedural = `extends: fido
name: ours
procedures:
  change:
    steps:
      - id: sign
        path: /sign
        success: .res.status == 200
        body: {json: "{payload: .result.body, method: .result.method}"}
        save: {token: .res.body.token}
      - id: change
        result: true
        method: PUT
        path: /change/{user.name}
        query: {a: "1"}
        success: .res.status == 200
        headers: {X-Token: "{captured.token?}"}
        body: {json: '{what: "this"}'}
`

func TestProcedure(t *testing.T) {
	rp := &scripted{answers: map[string]func(seen) (int, string){
		"POST /sign":      say(200, `{"token":"t1"}`),
		"PUT /change/ann": say(200, `{"done":true}`),
		"DELETE /other":   say(400, `{"status":"failed","errorMessage":"no"}`),
	}}
	p, err := LoadProfile("rp.yaml", []byte(procedural))
	if err != nil {
		t.Fatal(err)
	}
	tg, err := New(p, Options{URL: "https://rp.example", Handler: rp})
	if err != nil {
		t.Fatal(err)
	}
	if !tg.HasProcedure("change") || tg.HasProcedure("other") || fmt.Sprint(p.Procedures()) != "[change]" {
		t.Errorf("procedures %v", p.Procedures())
	}
	ctx := background(t)
	s := tg.NewSession(tg.NewUser("ann"))
	got, err := s.Perform(ctx, "change")
	if err != nil || got.Kind != Accepted || got.Step != "change" || string(got.Body) != `{"done":true}` {
		t.Fatalf("%+v, %v", got, err)
	}
	if rp.seen[0].Body != `{"method":"PUT","payload":"{\"what\":\"this\"}"}` || rp.seen[1].Header.Get("X-Token") != "t1" || rp.seen[1].Query != "a=1" {
		t.Errorf("sent %+v", rp.seen)
	}
	if s.Captured("token") != "t1" || s.Captured("nothing") != nil {
		t.Errorf("captured %v", s.Captured("token"))
	}

	// Skipped, the first step's capture stays; all of the second is altered.
	s.Alter("sign", Alteration{Skip: true})
	s.Alter("change", Alteration{Method: "DELETE", Path: "/other", Query: map[string]string{"b": "2"}, Header: map[string]string{"X-Token": "t2", "Content-Type": ""},
		Edit: func(any) any { return map[string]any{"what": "that"} }})
	if got, err = s.Perform(ctx, "change"); err != nil || got.Kind != Rejected || got.Message != "no" {
		t.Fatalf("%+v, %v", got, err)
	}
	last := rp.seen[len(rp.seen)-1]
	if len(rp.seen) != 3 || last.Method != "DELETE" || last.Path != "/other" || last.Query != "b=2" || last.Body != `{"what":"that"}` || last.Header.Get("X-Token") != "t2" || last.Header.Get("Content-Type") != "" {
		t.Errorf("sent %+v", last)
	}
	s.Alter("sign", Alteration{})
	s.Alter("change", Alteration{Raw: []byte("{")})
	if got, err = s.Perform(ctx, "change"); err != nil || got.Kind != Accepted {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := len(rp.seen); rp.seen[n-1].Body != "{" || !strings.Contains(rp.seen[n-2].Body, `"payload":"{"`) {
		t.Errorf("sent %+v", rp.seen[n-2:])
	}
	if _, err := s.Perform(ctx, "other"); !errors.Is(err, ErrNoCeremony) {
		t.Errorf("a procedure that there is not: %v", err)
	}
}

func TestProcedureErrors(t *testing.T) {
	step := "\n        path: /x\n        success: 'true'"
	for _, c := range []struct{ text, want string }{
		{"procedures: [a]", "this is a list"},
		{"procedures: {Change: {steps: []}}", `"Change" cannot name a procedure`},
		{"procedures: {registration: {steps: []}}", `"registration" cannot name a procedure`},
		{"procedures:\n  change:\n    steps:\n      - id: a" + step, "no step carries the result"},
		{"procedures:\n  change:\n    steps:\n      - id: a\n        result: true\n        options: .res.body" + step, "options without a ceremony"},
		{"procedures:\n  change:\n    steps:\n      - id: a\n        result: true\n        body: {json: .credential}" + step, "uses .credential"},
		{"procedures:\n  change:\n    ceremony: login\n    steps:\n      - id: a" + step, `"login" is not known here`},
		{"procedures:\n  change:\n    roles: {}\n    steps: []", "unknown key"},
	} {
		_, err := LoadProfile("rp.yaml", []byte("extends: fido\n"+c.text+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}
