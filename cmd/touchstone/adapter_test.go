package main

import (
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
)

// A report of a run on a program is not replayed on something else.
func TestReplayOfAdapter(t *testing.T) {
	of := reports.Target{Name: "fido", Dialect: "fido", URL: adapterURL, RPID: adapterRPID, Origin: "https://" + adapterRPID}
	if _, err := (&replayFlags{}).targetOf(of, "1"); err == nil || !strings.Contains(err.Error(), "which replay does not start") {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := (&replayFlags{runFlags: runFlags{target: "https://rp.test"}}).targetOf(of, "1"); err != nil {
		t.Errorf("on a target that is named: %v", err)
	}
}
