package cli

import (
	"fmt"
	"os/exec"
	"runtime"
)

// openBrowser shows a page in the user's browser: the program own, or the system's where that is empty. It does not wait for the browser.
func openBrowser(url, own string) error {
	command := []string{"xdg-open", url}
	switch runtime.GOOS {
	case "darwin":
		command[0] = "open"
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler", url}
	}
	if own != "" {
		command = []string{own, url}
	}
	file, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("there is no program %s", command[0])
	}
	cmd := exec.Command(file, command[1:]...) // its output would be between the lines of the console
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}
