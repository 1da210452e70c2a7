package main

import (
	"context"

	"github.com/touchstone-webauthn/touchstone/browser"
	"github.com/touchstone-webauthn/touchstone/client"
)

// openClients opens the named clients, in order. One that cannot run here takes
// part as client.Unavailable, so that its checks are reported and not lost.
func openClients(ctx context.Context, names []string, chromePath string) ([]client.Client, error) {
	if len(names) == 0 {
		names = []string{"virtual"}
	}
	var out []client.Client
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "virtual":
			out = append(out, client.NewVirtual())
		case "virtualwebauthn":
			out = append(out, client.NewVirtualWebAuthn())
		case "chrome":
			c, err := browser.NewChrome(ctx, browser.ChromeConfig{Path: chromePath})
			if err != nil {
				out = append(out, &client.Unavailable{Kind: "chrome", Abilities: browser.ChromeAbilities(), Cause: err})
				continue
			}
			out = append(out, c)
		default:
			closeClients(out)
			return nil, usage("the clients are: virtual, virtualwebauthn, chrome", "no client %q", name)
		}
	}
	return out, nil
}

func closeClients(clients []client.Client) {
	for _, c := range clients {
		_ = c.Close() // the run is over; what does not close dies with the process
	}
}
