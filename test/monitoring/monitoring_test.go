//go:build integration

// Package monitoring_test has Prometheus' own tool judge what operators get:
// the metrics of the real binary, the alerts and the dashboard.
package monitoring_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

const (
	rules     = "../../deploy/prometheus/alerts.yml"
	rulesTest = "../../deploy/prometheus/alerts_test.yml"
	scrape    = "../../deploy/prometheus/prometheus.yml"
	dashboard = "../../deploy/grafana/dss.json"
	manual    = "../../docs/monitoring.md"
)

// promtool runs a command of it, which has to succeed.
func promtool(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	command := exec.Command("promtool", args...)
	command.Stdin = strings.NewReader(stdin)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v; test/setup installs it\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var binary string

func TestMain(m *testing.M) { program.Main(m.Run, program.Plain(&binary)) }

// server is the real binary with its admin server, after its check of Stack
// Exchange.
func server(t *testing.T) (public, admin string) {
	t.Helper()
	admin = program.FreeAddress(t)
	apps := filepath.Join(t.TempDir(), "apps.toml")
	if err := os.WriteFile(apps, []byte("[[app]]\nclient_id = \"1\"\nname = \"One\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program.Start(t, binary, "--sandbox", "--store", "memory:", "--listen", "127.0.0.1:0", "--admin-listen", admin, "--upstream-check",
		"--apps", apps)
	if err := p.Until("Stack Exchange is checked", func() bool {
		return strings.Contains(send(t, "GET", "http://"+admin+"/metrics", ""), "\ndss_upstream_contract ")
	}); err != nil {
		t.Fatal(err)
	}
	return p.URL, "http://" + admin
}

// exposition is what Prometheus reads after a few sign-ins.
func exposition(t *testing.T) string {
	t.Helper()
	public, admin := server(t)
	key := rand.Text()
	send(t, "POST", public+"/auth/redirect", "state="+key+"&access_token=T")
	send(t, "GET", public+"/auth/token?wait=1&key="+key, "")
	send(t, "GET", public+"/auth/token?key="+key, "")
	send(t, "POST", public+"/oauth/revoke", "token=unknown") // the API's answer has the quota
	return send(t, "GET", admin+"/metrics", "") + ofCertificate(t)
}

// ofCertificate is what only a server with HTTPS shows.
func ofCertificate(t *testing.T) string {
	t.Helper()
	cert, key, _ := selfsigned.Files(t, t.TempDir(), "localhost")
	admin := program.FreeAddress(t)
	program.Start(t, binary, "--store", "memory:", "--listen", "127.0.0.1:0", "--admin-listen", admin, "--tls-cert", cert, "--tls-key", key)
	lines := regexp.MustCompile(`(?m)^.*dss_certificate_.*\n`).FindAllString(send(t, "GET", "http://"+admin+"/metrics", ""), -1)
	return strings.Join(lines, "")
}

func send(t *testing.T, method, target, form string) string {
	t.Helper()
	request, err := http.NewRequest(method, target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 500 {
		t.Fatalf("%s: %d %v", target, response.StatusCode, err)
	}
	return string(body)
}

// expressions are all that the dashboard asks Prometheus for.
func expressions(t *testing.T) []string {
	t.Helper()
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, dashboard)), &board); err != nil {
		t.Fatal(err)
	}
	var all []string
	ids := map[int]bool{}
	for _, panel := range board.Panels {
		if ids[panel.ID] || panel.Title == "" || (panel.Type != "row" && len(panel.Targets) == 0) {
			t.Errorf("panel %d %q: not a panel of its own, with a title and something in it", panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

var grafanaVariables = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*")

// TestRules has the rules and their tests judged, and wants each alert to fire
// in one test and to stay quiet in another.
func TestRules(t *testing.T) {
	promtool(t, "", "check", "config", scrape)
	promtool(t, "", "check", "rules", rules)
	promtool(t, "", "test", "rules", rulesTest)
	tests := read(t, rulesTest)
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(read(t, rules), -1)
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	for _, alert := range alerts {
		name := regexp.QuoteMeta(alert[1])
		if !regexp.MustCompile(`alertname: `+name+`\n +exp_alerts:\n +- exp_labels`).MatchString(tests) ||
			!regexp.MustCompile(`alertname: `+name+`\n +exp_alerts: \[\]`).MatchString(tests) {
			t.Errorf("%s is not tested both ways", alert[1])
		}
		if !strings.Contains(read(t, manual), "`"+alert[1]+"`") {
			t.Errorf("%s is not explained in %s", alert[1], manual)
		}
	}
}

// TestDashboard has each expression judged as if it were a rule.
func TestDashboard(t *testing.T) {
	var file strings.Builder
	file.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, expr := range expressions(t) {
		quoted, err := json.Marshal(grafanaVariables.Replace(expr))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&file, "  - {record: 'panel:%d', expr: %s}\n", i, quoted)
	}
	path := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", path)
}

var (
	metricName = regexp.MustCompile(`\b(?:dss|go|process)_[a-z0-9_]+`)
	selector   = regexp.MustCompile(`\b((?:dss|go|process)_[a-z0-9_]+)\{([^}]*)\}`)
	equality   = regexp.MustCompile(`\b([a-z_]+)="([^"$]*)"`)
)

// TestEverythingAskedForIsThere looks for each metric and label value of
// alerts and dashboard in what the server shows, and for each metric of the
// server in the manual.
func TestEverythingAskedForIsThere(t *testing.T) {
	shown := exposition(t)
	promtool(t, shown, "check", "metrics")
	used := append(expressions(t), regexp.MustCompile(`(?m)^ +(summary|annotations).*$`).ReplaceAllString(read(t, rules), ""))
	for _, text := range used {
		for _, name := range metricName.FindAllString(text, -1) {
			if !regexp.MustCompile(`(?m)^` + name + `[{ ]`).MatchString(shown) {
				t.Errorf("there is no metric %s", name)
			}
		}
		for _, match := range selector.FindAllStringSubmatch(text, -1) {
			for _, label := range equality.FindAllStringSubmatch(match[2], -1) {
				pair := regexp.QuoteMeta(label[0])
				if label[1] != "job" && !regexp.MustCompile(`(?m)^`+match[1]+`\{[^}]*`+pair).MatchString(shown) {
					t.Errorf("%s never has %s", match[1], label[0])
				}
			}
		}
	}
	ours := regexp.MustCompile(`(?m)^# TYPE (dss_\w+)`).FindAllStringSubmatch(shown, -1)
	if len(ours) < 20 {
		t.Errorf("only %d metrics", len(ours))
	}
	for _, match := range ours {
		if !strings.Contains(read(t, manual), "`"+match[1]+"`") && !strings.Contains(read(t, manual), "`"+match[1]+"{") {
			t.Errorf("%s is not explained in %s", match[1], manual)
		}
	}
	documented := regexp.MustCompile("`(dss_[a-z_]+)").FindAllStringSubmatch(read(t, manual), -1)
	for _, match := range documented {
		if !slices.ContainsFunc(ours, func(m []string) bool { return m[1] == match[1] }) {
			t.Errorf("%s explains %s, which is not there", manual, match[1])
		}
	}
}

// TestScrapeExampleFits: the example's target is an address that dss takes.
func TestScrapeExampleFits(t *testing.T) {
	target := regexp.MustCompile(`targets: \["([^"]+)"\]`).FindStringSubmatch(read(t, scrape))
	if target == nil {
		t.Fatal("no target")
	}
	if _, err := url.Parse("http://" + target[1]); err != nil || !strings.Contains(read(t, scrape), "--admin-listen "+target[1]) {
		t.Errorf("the target %s is not what --admin-listen says: %v", target[1], err)
	}
}

// TestFindInAudit runs the manual's commands that find an address and a key in
// the audit.
func TestFindInAudit(t *testing.T) {
	_, chapter, _ := strings.Cut(read(t, manual), "\n## The audit\n")
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(chapter)
	if commands == nil {
		t.Fatal("no commands")
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(rand.Text()+rand.Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program.Start(t, binary, "--store", "memory:", "--listen", "127.0.0.1:0", "--secret-file", file)
	key := rand.Text()
	send(t, "POST", p.URL+"/auth/redirect", "state="+key+"&access_token=T")
	if err := p.Until("an audit line", func() bool { return strings.Contains(p.Stderr.String(), "msg=audit") }); err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("/etc/dss/secret", file, "198.51.100.7", "127.0.0.1", "journalctl -u dss", `echo "$LOG"`)
	command := exec.Command("sh", "-ec", script.Replace(commands[1]))
	command.Env = append(os.Environ(), "KEY="+key, "LOG="+p.Stderr.String())
	output, err := command.CombinedOutput()
	if err != nil || strings.Count(string(output), "event=deposit") != 2 {
		t.Errorf("%v\n%s\nin\n%s", err, output, p.Stderr.String())
	}
}
