//go:build !linux

package browser

import "os/exec"

// own prepares nothing here: the browser's children end when they lose it.
func own(*exec.Cmd) {}

// kill ends the process.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may be gone already
}
