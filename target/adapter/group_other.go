//go:build !unix

package adapter

import "os/exec"

func group(*exec.Cmd) {}

// kill ends the program.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it may have ended already
