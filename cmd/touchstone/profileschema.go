package main

import (
	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

func profileSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of profiles, for editors",
		Long: `Print the JSON Schema of profiles, for editors that complete and check YAML by one.
In an editor with a YAML language server:

  touchstone profile schema > profile.schema.json

and, as the first line of the profile,

  # yaml-language-server: $schema=profile.schema.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 {
				return usage("touchstone profile schema > profile.schema.json", "profile schema takes no arguments")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := fixtures.Schema("profile")
			if err != nil {
				return &exit{code: exitHarness, err: err}
			}
			_, err = cmd.OutOrStdout().Write(data)
			return err
		},
	}
}
