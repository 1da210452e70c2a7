package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/internal/recorder"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

func serveCommand() *cobra.Command {
	var bug, set, addr, rpID, origin, fortanix, dfns, nevis, record string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the reference Relying Party, all dialects on one listener",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if bug != "" {
				if _, err := rp.FindBug(bug); err != nil {
					return usage("touchstone list --bugs shows them all", "--bug: %w", err)
				}
			}
			if record != "" {
				if err := os.MkdirAll(record, 0o777); err != nil {
					return usage("", "--record: %w", err)
				}
			}
			if _, err := findSet(set); err != nil {
				return err
			}
			l, err := net.Listen("tcp", addr)
			if err != nil {
				return usage("another --addr, such as 127.0.0.1:0 for any free port", "--addr: %w", err)
			}
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			if rpID == "" {
				rpID = "localhost"
			}
			if origin == "" {
				origin = "http://localhost:" + port
				if rpID != "localhost" {
					origin = "https://" + rpID
				}
			}
			cfg, err := reference.Config(rpID, origin)
			if err != nil {
				return &exit{code: exitHarness, err: err}
			}
			if err := reference.Apply(&cfg, set); err != nil {
				return &exit{code: exitHarness, err: err}
			}
			cfg.Policy.RequireTrust = false // people come with authenticators of their own
			cfg.Fortanix.Form, cfg.Dfns.Form, cfg.Bug = fortanix, dfns, bug
			switch nevis {
			case "200", "":
			case "4xx":
				cfg.Nevis.FailureStatus = 400
			default:
				return usage("", "--nevis-failures is 200 or 4xx, not %q", nevis)
			}
			server, err := rp.New(cfg)
			if err != nil {
				return usage("", "%w", err)
			}
			metadata, err := metadataHandler("http://" + l.Addr().String())
			if err != nil {
				return &exit{code: exitHarness, err: err}
			}
			mux := http.NewServeMux()
			mux.Handle("/mds/", metadata)
			mux.Handle("/", recorder.New(server, record))
			h := newHTTPServer(mux)
			// A person needs a URL with a secure context; localhost is one.
			shown := "http://localhost:" + port
			if host, _, _ := net.SplitHostPort(addr); host != "" && host != "127.0.0.1" && host != "localhost" && host != "::1" {
				shown = "http://" + l.Addr().String()
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", shown)
			fmt.Fprintf(cmd.ErrOrStderr(), "reference RP: RP ID %s, origin %s; interrupt to stop\n", rpID, origin)
			fmt.Fprintf(cmd.ErrOrStderr(), "recorder: %s%s\n", shown, recorder.PagePath)
			done := make(chan error, 1)
			go func() { done <- h.Serve(l) }()
			select {
			case err := <-done:
				return &exit{code: exitHarness, err: err}
			case <-cmd.Context().Done():
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				defer cancel()
				if err := h.Shutdown(ctx); err != nil {
					_ = h.Close()
				}
				return nil
			}
		},
	}
	f := cmd.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen on")
	f.StringVar(&record, "record", "", "save what the recorder's page and bookmarklet send into this `folder`")
	f.StringVar(&bug, "bug", "", "serve the RP with this deliberate bug; touchstone list --bugs shows them")
	f.StringVar(&set, "set", suites.CurrentSet, "serve the RP with the policy of this requirement set; touchstone list --sets shows them")
	f.StringVar(&rpID, "rp-id", "", "RP ID (default localhost)")
	f.StringVar(&origin, "origin", "", "origin accepted (default http://localhost:PORT, or https://RP-ID)")
	f.StringVar(&fortanix, "fortanix-form", "", "wire (what its clients expect), published (the API document to the letter) or nameless (without user.name, which the document does not require)")
	f.StringVar(&dfns, "dfns-form", "", "wire (what its clients expect), old-page or new-page")
	f.StringVar(&nevis, "nevis-failures", "", "200 (with status failed) or 4xx")
	return cmd
}
