package main

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"strings"

	"github.com/touchstone-webauthn/touchstone/browser"
	"github.com/touchstone-webauthn/touchstone/client"
)

// clientNames lists what --client takes.
const clientNames = "virtual, virtualwebauthn, chrome, firefox, webdriver:URL?browserName=NAME"

// gridPrefix goes before the address of a Selenium Grid in --chrome grid:URL.
const gridPrefix = "grid:"

// chromeUsage is what --chrome takes.
const chromeUsage = "`path` of Chrome or Chromium, or the address of one that runs: http://host:port, ws:// or wss:// with its path, or grid:http://host:port for one behind a Selenium Grid (default found on PATH)"

// webdriverPrefix goes before the address in --client webdriver:URL.
const webdriverPrefix = "webdriver:"

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
		if address, ok := strings.CutPrefix(name, webdriverPrefix); ok {
			if seen["webdriver client"] {
				closeClients(out)
				return nil, usage("run touchstone once for each, and merge the reports", "there are several webdriver clients, which a report could not tell apart")
			}
			seen["webdriver client"] = true
			c, err := browser.NewWebDriver(ctx, browser.WebDriverConfig{URL: address})
			var wrong *browser.AddressError
			if errors.As(err, &wrong) {
				closeClients(out)
				return nil, usage("", "--client %w", err)
			}
			if err != nil {
				out = append(out, &client.Unavailable{Kind: "webdriver", Abilities: browser.WebDriverAbilities(address), Cause: err})
				continue
			}
			out = append(out, c)
			continue
		}
		switch name {
		case "virtual":
			out = append(out, client.NewVirtual())
		case "virtualwebauthn":
			out = append(out, client.NewVirtualWebAuthn())
		case "chrome":
			if err := chromeThere(chromePath); err != nil {
				closeClients(out)
				return nil, err
			}
			c, err := browser.NewChrome(ctx, chromeConfig(chromePath))
			var wrong *browser.AddressError
			if errors.As(err, &wrong) {
				closeClients(out)
				return nil, usage("", "--chrome %w", err)
			}
			if err != nil {
				out = append(out, &client.Unavailable{Kind: "chrome", Abilities: browser.ChromeAbilities(), Cause: err})
				continue
			}
			out = append(out, c)
		case "firefox":
			c, err := browser.NewFirefox(ctx, browser.FirefoxConfig{})
			if err != nil {
				out = append(out, &client.Unavailable{Kind: "firefox", Abilities: browser.FirefoxAbilities(), Cause: err})
				continue
			}
			out = append(out, c)
		default:
			closeClients(out)
			return nil, usage("the clients are: "+clientNames, "no client %q", name)
		}
	}
	return out, nil
}

// chromeThere refuses a --chrome that can be no browser: a path of no program, or
// an address of no host.
func chromeThere(place string) error {
	const hint = "--chrome is a path of Chrome or Chromium, or http://host:port, ws://host:port/path, wss://… or grid:http://host:port of one that runs"
	cfg := chromeConfig(place)
	if cfg.RemoteURL != "" {
		if u, err := url.Parse(cfg.RemoteURL); err != nil || u.Hostname() == "" {
			return usage(hint, "--chrome %q is no address of a browser", place)
		}
	}
	if cfg.Path != "" {
		if _, err := exec.LookPath(cfg.Path); err != nil {
			var why *exec.Error
			if errors.As(err, &why) {
				err = why.Err
			}
			return usage(hint, "--chrome %s cannot be run: %w", cfg.Path, err)
		}
	}
	return nil
}

// chromeConfig tells a path from an address.
func chromeConfig(place string) browser.ChromeConfig {
	for _, scheme := range []string{"http://", "https://", "ws://", "wss://"} {
		if strings.HasPrefix(place, scheme) {
			return browser.ChromeConfig{RemoteURL: place}
		}
	}
	if address, ok := strings.CutPrefix(place, gridPrefix); ok {
		return browser.ChromeConfig{GridURL: address}
	}
	return browser.ChromeConfig{Path: place}
}

// clientFlag is how the client of this name was asked for, without a password.
func clientFlag(names []string, name string) string {
	for _, n := range names {
		address, ok := strings.CutPrefix(n, webdriverPrefix)
		if !ok || name != "webdriver" {
			continue
		}
		if u, err := url.Parse(address); err == nil && u.User != nil {
			return webdriverPrefix + u.Redacted()
		}
		return n
	}
	return name
}

func closeClients(clients []client.Client) {
	for _, c := range clients {
		_ = c.Close() // the run is over; what does not close dies with the process
	}
}
