package main

import (
	"encoding/json"
	"encoding/pem"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth/mds"
)

// metadataHandler serves the suite's metadata below /mds/: an index, every BLOB
// as NAME.jwt, their root as root.pem and the revocation lists.
func metadataHandler(base string) (http.Handler, error) {
	kit, err := mds.Suite(time.Now(), base+"/mds")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"root.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kit.Root.Raw})}
	for name, jwt := range kit.BLOBs {
		files[name+".jwt"] = jwt
	}
	maps.Copy(files, kit.Lists)
	types := map[string]string{"jwt": "application/jwt", "pem": "application/x-pem-file", "crl": "application/pkix-crl"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/mds/")
		if name == "" {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"files": slices.Sorted(maps.Keys(files))}) // the caller is gone: there is nobody to tell
			return
		}
		data, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, extension, _ := strings.Cut(name, ".")
		w.Header().Set("Content-Type", types[extension])
		_, _ = w.Write(data) // see above
	}), nil
}

// serveMetadata serves the suite's metadata for as long as a run lasts, where the
// profile of a target wants it (metadata.listen), and says how to end that.
func serveMetadata(targets []*target.Target) (end func(), err error) {
	end = func() {}
	for _, t := range targets {
		addr := t.MetadataAddress()
		if addr == "" {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return end, usage("say another address in the profile, or end what listens there", "metadata.listen of the profile: %w", err)
		}
		h, err := metadataHandler("http://" + l.Addr().String())
		if err != nil {
			_ = l.Close() // the error before is the one that counts
			return end, &exit{code: exitHarness, err: err}
		}
		server := newHTTPServer(h)
		go func() { _ = server.Serve(l) }()       // ends with Close
		return func() { _ = server.Close() }, nil // the process is about to end
	}
	return end, nil
}
