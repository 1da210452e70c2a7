package rptest

import "context"

// Try is Run's work without its test.
func Try(ctx context.Context, cfg Config) error {
	_, err := run(ctx, cfg, "try")
	return err
}
