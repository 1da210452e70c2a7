package rptest

import (
	"context"

	"github.com/touchstone-webauthn/touchstone/reports"
)

// Report is Run's report without its test.
func Report(ctx context.Context, cfg Config) (*reports.Report, error) { return run(ctx, cfg, "try") }

// Try is Run's work without its test.
func Try(ctx context.Context, cfg Config) error {
	_, err := run(ctx, cfg, "try")
	return err
}
