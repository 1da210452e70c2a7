package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp/metadata"
	"github.com/touchstone-webauthn/touchstone/target"
)

// TestMetadataIsServed fetches all that there is as a Relying Party would, and
// has the reference RP's reader judge it.
func TestMetadataIsServed(t *testing.T) {
	h, err := metadataHandler("http://127.0.0.1:8092")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	fetch := func(name string) []byte {
		res, err := http.Get(s.URL + "/mds/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") == "" {
			t.Fatalf("%s: %d, %v", name, res.StatusCode, err)
		}
		return body
	}
	var index struct{ Files []string }
	if err := json.Unmarshal(fetch(""), &index); err != nil {
		t.Fatal(err)
	}
	cfg := metadata.Config{}
	blobs := map[string][]byte{}
	for _, name := range index.Files {
		data := fetch(name)
		switch base, extension, _ := strings.Cut(name, "."); extension {
		case "jwt":
			blobs[base] = data
		case "crl":
			cfg.Lists = append(cfg.Lists, data)
		case "pem":
			block, _ := pem.Decode(data)
			if cfg.Root, err = x509.ParseCertificate(block.Bytes); err != nil {
				t.Fatal(err)
			}
		}
	}
	store, err := metadata.New(cfg, blobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range store.Sources {
		if source.Sound() != (source.Name == "good") {
			t.Errorf("%s: sound: %t", source.Name, source.Sound())
		}
	}
	if len(store.Sources) < 8 {
		t.Errorf("only %d BLOBs", len(store.Sources))
	}
	res, err := http.Get(s.URL + "/mds/no-such")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("no such file: %d", res.StatusCode)
	}
}

// TestMetadataOfAProfile: it is there while a run lasts, and not after it.
func TestMetadataOfAProfile(t *testing.T) {
	load := func(text string) (*target.Profile, error) { return target.LoadProfile("p.yaml", []byte(text)) }
	p, err := load("extends: fido\nmetadata:\n  listen: 127.0.0.1:0\n")
	if err != nil {
		t.Fatal(err)
	}
	one, err := target.New(p, target.Options{URL: "https://rp.example"})
	if err != nil {
		t.Fatal(err)
	}
	end, err := serveMetadata([]*target.Target{one})
	if err != nil {
		t.Fatal(err)
	}
	end()
	for _, bad := range []string{"metadata: {}", "metadata: {listen: 8092}", "metadata: {listen: nowhere}", "metadata: {port: 1}", "metadata: 1"} {
		if _, err := load("extends: fido\n" + bad + "\n"); err == nil || !strings.Contains(err.Error(), "p.yaml:2:") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
