package main

import (
	"context"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/compare"
)

// interop is the page of the interop cases: the virtual client as it is now, the
// browsers as they were measured.
func interop() (string, error) {
	cases, err := compare.Cases()
	if err != nil {
		return "", err
	}
	list, err := compare.OnRecord(context.Background(), cases, []client.Client{client.NewVirtual()})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Browsers side by side\n\n<!-- made by `make interop` from fixtures/interop; edit the cases -->\n\n")
	if err := compare.WriteMarkdown(&b, cases, list); err != nil {
		return "", err
	}
	return b.String(), nil
}
