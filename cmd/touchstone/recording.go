package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/compare"
)

// rerunRecording runs the calls of a recording through the clients, as compare
// does, and holds them against what was recorded.
func (f *replayFlags) rerunRecording(ctx context.Context, name string, data []byte, stdout, stderr io.Writer) error {
	for _, flag := range []struct{ name, value string }{
		{"--target", f.target}, {"--adapter", f.adapter}, {"--profile", f.profile}, {"--rp-id", f.rpID}, {"--trace", f.trace},
	} {
		if flag.value != "" {
			return usage("a recording holds a page's calls, which need no RP; --client names who makes them", "%s does not go with a recording", flag.name)
		}
	}
	if len(f.dialects) > 0 || len(f.vars) > 0 {
		return usage("a recording holds a page's calls, which need no RP", "--dialect and --var do not go with a recording")
	}
	c := compareFlags{clients: f.clients, chrome: f.chrome, origin: f.origin, transport: "usb", allow: client.AllowBoth, recorded: true, json: f.json, html: f.html}
	if len(c.clients) == 0 {
		c.clients = []string{"virtual"}
	}
	inputs, err := c.read(name, data)
	if err != nil {
		return err
	}
	unknown := slices.DeleteFunc(slices.Clone(inputs), func(in compare.Input) bool { return in.Recorded != nil })
	if len(unknown) > 0 {
		fmt.Fprintf(stderr, "note: what came of %s was not recorded\n", count(len(unknown), "call", "calls"))
	}
	clients, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer closeClients(clients)
	list, err := c.run(ctx, inputs, clients)
	if err != nil {
		return err
	}
	if err := c.write(list, stdout); err != nil {
		return err
	}
	for i, one := range list {
		if inputs[i].Recorded != nil && !one.Alike() {
			return &exit{code: exitFailed}
		}
	}
	return nil
}
