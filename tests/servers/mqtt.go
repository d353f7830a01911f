package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// MQTT is a broker of a test, Mosquitto, which writes its sessions and messages to disk once a second.
type MQTT struct {
	Addr string // HOST:PORT
	t    testing.TB
	file string
	cmd  *exec.Cmd
}

// URL is what a grant says of the broker.
func (m *MQTT) URL() string { return "mqtt://" + m.Addr }

// StartMQTT starts a broker, which ends with the test. users are names and passwords, one after the other; without them everybody may connect.
func StartMQTT(t testing.TB, users ...string) *MQTT {
	t.Helper()
	if _, err := mosquitto(); err != nil {
		t.Skip("there is no mosquitto; Debian's package mosquitto has it")
	}
	dir := t.TempDir()
	m := &MQTT{t: t, Addr: freeAddr(t), file: filepath.Join(dir, "mosquitto.conf")}
	_, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		t.Fatal(err)
	}
	// As root it would become a user who may not read the folder.
	config := fmt.Sprintf("listener %s 127.0.0.1\nuser root\nallow_anonymous %t\npersistence true\npersistence_location %s/\nautosave_interval 1\nmax_queued_messages 10000\nlog_type none\n",
		port, len(users) == 0, dir)
	if len(users) > 0 {
		passwords := filepath.Join(dir, "passwords")
		config += "password_file " + passwords + "\n"
		for i := 0; i+1 < len(users); i += 2 {
			args := []string{"-b"}
			if i == 0 {
				args = append(args, "-c")
			}
			if out, err := exec.Command("mosquitto_passwd", append(args, passwords, users[i], users[i+1])...).CombinedOutput(); err != nil {
				t.Fatalf("mosquitto_passwd: %v %s", err, out)
			}
		}
	}
	if err := os.WriteFile(m.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Start()
	t.Cleanup(m.Kill)
	return m
}

// mosquitto is the path of the broker, which Debian has where only root looks for commands.
func mosquitto() (string, error) {
	if file, err := exec.LookPath("mosquitto"); err == nil {
		return file, nil
	}
	return exec.LookPath("/usr/sbin/mosquitto")
}

// Start starts a broker that was killed, with its sessions.
func (m *MQTT) Start() {
	m.t.Helper()
	file, err := mosquitto()
	if err != nil {
		m.t.Fatal(err)
	}
	m.cmd = exec.Command(file, "-c", m.file)
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	waitFor(m.t, m.Addr)
}

// Saved waits until what the broker has now is on the disk.
func (m *MQTT) Saved() {
	m.t.Helper()
	now := time.Now()
	for range 3000 {
		if info, err := os.Stat(filepath.Join(filepath.Dir(m.file), "mosquitto.db")); err == nil && info.ModTime().After(now) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	m.t.Fatal("the broker does not write to the disk")
}

// Kill ends the broker as a machine that fails does. It does nothing where the broker has ended.
func (m *MQTT) Kill() {
	if m.cmd == nil {
		return
	}
	if err := m.cmd.Process.Kill(); err != nil {
		m.t.Error(err)
	}
	_ = m.cmd.Wait() // it says that it was killed
	m.cmd = nil
}
