package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/virtualauth/sidecar"
)

func authenticatorCommand() *cobra.Command {
	var addr string
	var pipe bool
	cmd := &cobra.Command{
		Use:   "authenticator",
		Short: "Be a virtual authenticator and client for programs in other languages",
		Long: `Answer calls of the virtual authenticator as JSON: over HTTP on a loopback
address, or with --stdin a line each on standard input and output. The calls are
new, create, get, clone, snapshot, restore, credentials, import, update, delete,
faults and devices; docs/authenticator.md has them all.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine := sidecar.NewEngine()
			if pipe {
				if cmd.Flags().Changed("addr") {
					return usage("", "--stdin and --addr exclude each other")
				}
				err := engine.Serve(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
				if errors.Is(err, context.Canceled) {
					return &exit{code: exitInterrupted}
				}
				if err != nil {
					return &exit{code: exitHarness, err: err}
				}
				return nil
			}
			host, _, err := net.SplitHostPort(addr)
			if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
				return usage("such as 127.0.0.1:8091, or 127.0.0.1:0 for any free port", "--addr: %q is no loopback address, and whoever reaches the authenticator has its keys", addr)
			}
			l, err := net.Listen("tcp", addr)
			if err != nil {
				return usage("another --addr, such as 127.0.0.1:0 for any free port", "--addr: %w", err)
			}
			h := newHTTPServer(engine.Handler())
			fmt.Fprintf(cmd.OutOrStdout(), "http://%s\n", l.Addr())
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
	f.StringVar(&addr, "addr", "127.0.0.1:8091", "loopback address to listen on")
	f.BoolVar(&pipe, "stdin", false, "read calls from standard input, a JSON object a line, and answer on standard output")
	return cmd
}
