package browser

import (
	"os/exec"
	"syscall"
)

// own puts the process in a group of its own, so that its children end with it,
// and has the kernel end it where this process dies first.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// kill ends the process and its children.
func kill(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone already
}
