package browser

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// firefoxNames are looked for on PATH, in this order.
var firefoxNames = []string{"firefox-esr", "firefox"}

// firefoxPlaces are where installers put Firefox outside PATH.
var firefoxPlaces = []string{
	"/usr/lib/firefox-esr/firefox-esr",
	"/opt/firefox/firefox",
	"/Applications/Firefox.app/Contents/MacOS/firefox",
	`C:\Program Files\Mozilla Firefox\firefox.exe`,
}

// FindFirefox returns the path of a Firefox: the one that FIREFOX_PATH names,
// else the first of firefox-esr and firefox on PATH, else one in a usual place.
// The error says what to install.
func FindFirefox() (path string, err error) {
	if p := os.Getenv("FIREFOX_PATH"); p != "" {
		found, err := exec.LookPath(p)
		if err != nil {
			return "", fmt.Errorf("FIREFOX_PATH is %q, which cannot be run (%v): correct it, or unset it to have Firefox looked for", p, err)
		}
		return found, nil
	}
	for _, name := range append(append([]string(nil), firefoxNames...), firefoxPlaces...) {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no Firefox found (looked for %s on PATH): install Debian's package firefox-esr (make verify-tools), or set FIREFOX_PATH",
		strings.Join(firefoxNames, ", "))
}
