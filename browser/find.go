package browser

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// chromeNames are looked for on PATH, in this order.
var chromeNames = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// chromePlaces are where installers put Chrome outside PATH.
var chromePlaces = []string{
	"/usr/lib/chromium/chromium",
	"/opt/google/chrome/chrome",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	`C:\Program Files\Google\Chrome\Application\chrome.exe`,
	`C:\Program Files (x86)\Google\Chrome\Application\chrome.exe`,
}

// FindChrome returns the path of a Chrome or Chromium: the one that CHROME_PATH
// names, else the first of chromium, chromium-browser, google-chrome,
// google-chrome-stable and chrome on PATH, else one in a usual place. The error
// says what to install.
func FindChrome() (path string, err error) {
	if p := os.Getenv("CHROME_PATH"); p != "" {
		found, err := exec.LookPath(p)
		if err != nil {
			return "", fmt.Errorf("CHROME_PATH is %q, which cannot be run (%v): correct it, or unset it to have Chrome looked for", p, err)
		}
		return found, nil
	}
	for _, name := range append(append([]string(nil), chromeNames...), chromePlaces...) {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no Chrome or Chromium found (looked for %s on PATH): install Debian's package chromium (make browser), or set CHROME_PATH",
		strings.Join(chromeNames, ", "))
}
