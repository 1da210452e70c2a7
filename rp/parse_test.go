package rp

import (
	"bytes"
	"strings"
	"testing"
)

func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		in        string
		url, both bool
	}{
		{"", true, true}, {"AA", true, true}, {"-_8", true, true}, {"+/8", false, true}, {"AA==", false, true}, {"AAA=", false, true},
		{"AA=", false, false}, {"A", false, false}, {"AB", false, false}, {"AA\n", false, false}, {"A A", false, false}, {"====", false, false}, {"AAAA====", false, false},
	} {
		if _, err := base64URL(c.in); (err == nil) != c.url {
			t.Errorf("base64URL(%q): %v", c.in, err)
		}
		if _, err := anyBase64(c.in); (err == nil) != c.both {
			t.Errorf("anyBase64(%q): %v", c.in, err)
		}
	}
}

func TestObjectNamesWhatIsWrong(t *testing.T) {
	o, err := parseObject([]byte(`{"s":"x","n":1,"b":true,"o":{"in":null},"a":[1,"x",{}],"z":null}`), false)
	if err != nil {
		t.Fatal(err)
	}
	in, err := o.object("o")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err  error
		says string
	}{
		{second(o.text("n")), "n: want a string, got a number"},
		{second(o.text("S")), "S is missing"},
		{second(o.text("z")), "z: want a string, got null"},
		{second(in.text("in")), "o.in: want a string, got null"},
		{second(in.filledText("x")), "o.x is missing"},
		{second(o.object("a")), "a: want an object, got an array"},
		{second(o.object("b")), "b: want an object, got a boolean"},
		{second(o.objects("a")), "a[0]: want an object, got a number"},
		{second(o.oneOf("s", "y", "z")), `s: "x" is not one of ["y" "z"]`},
		{second(o.bytes("s", base64URL)), "s: not base64url"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, want %q", c.err, c.says)
		}
	}
	o.nulls = true
	if o.has("z") {
		t.Error("a null is there though nulls are absent")
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzU2FRegistration(f *testing.F) {
	f.Add([]byte{5})
	f.Add(append([]byte{5, 4}, bytes.Repeat([]byte{1}, 200)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseU2FRegistration(b)
		if err != nil {
			if r != nil {
				t.Error("a message and an error")
			}
			return
		}
		if len(r.point) != 65 || len(r.keyHandle) == 0 || r.certificate == nil || len(r.signature) == 0 {
			t.Errorf("parsed %+v", r)
		}
		if err := r.verify("https://rp.example", nil); err == nil {
			t.Error("verified over no client data")
		}
	})
}

func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":{"b":[{"c":"d"}]}}`, `null`, `{"a":1e999}`, "{\"a\":\"\\ud800\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parseObject(b, true)
		if err != nil {
			return
		}
		for name, raw := range o.members {
			if kind(raw) == "nothing" {
				t.Errorf("%q is nothing", name)
			}
			if s, ok, err := o.optionalText(name); err == nil && ok && kind(raw) != "a string" {
				t.Errorf("%s read as the string %q", raw, s)
			}
			if list, err := o.objects(name); err == nil && len(list) > 0 && kind(raw) != "an array" {
				t.Errorf("%s read as an array", raw)
			}
		}
	})
}

func FuzzPEMKey(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parsePEMKey(s)
		if err == nil && verifyKey(k, "", []byte("m"), nil) == nil {
			t.Error("an empty signature verified")
		}
	})
}
