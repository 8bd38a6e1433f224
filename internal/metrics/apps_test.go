package metrics_test

import (
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
)

// TestAppsAreCounted by their names in the list, and those that leave it have no
// series any more.
func TestAppsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir() + "/apps.toml"
		write := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("[[app]]\nclient_id = \"1\"\nname = \"Anna\"\n[[app]]\nclient_id = \"2\"\nname = \"Bert\"\nblocked = \"Spam.\"\n")
		file, err := apps.Open(path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		m := newMetrics()
		m.Apps(file)
		go file.Run(t.Context())
		want(t, m, "dss_apps", 2)
		want(t, m, "dss_apps_blocked", 1)
		want(t, m, `dss_app_sign_ins_total{app="unlisted",step="started"}`, 0)
		for _, e := range []httpapi.Event{
			{Name: httpapi.EventGrant, Kind: "code", Outcome: "started", App: "Anna"},
			{Name: httpapi.EventGrant, Kind: "direct", Outcome: "approved", App: "Anna"},
			{Name: httpapi.EventGrant, Kind: "device", Outcome: "approved", App: "Anna"},
			{Name: httpapi.EventGrant, Kind: "trial", Outcome: "started", App: "Anna"},
			{Name: httpapi.EventDeposit, Kind: "token", Outcome: "created", App: "unlisted"},
			{Name: httpapi.EventClaim, Kind: "token", Outcome: "delivered", App: "unlisted"},
			{Name: httpapi.EventRefusal, Outcome: "app_blocked", App: "Bert"},
			{Name: httpapi.EventGrant, Kind: "code", Outcome: "started"},
		} {
			m.Happened(e)
		}
		for series, n := range map[string]float64{
			`app="Anna",step="started"`: 1, `app="Anna",step="finished"`: 1, `app="Anna",step="refused"`: 0,
			`app="unlisted",step="started"`: 1, `app="unlisted",step="finished"`: 1, `app="Bert",step="refused"`: 1,
		} {
			want(t, m, "dss_app_sign_ins_total{"+series+"}", n)
		}
		for i := range 50 { // names that come and go
			write("[[app]]\nclient_id = \"1\"\nname = \"Anna " + strconv.Itoa(i) + "\"\n")
			time.Sleep(time.Second)
			m.Happened(httpapi.Event{Name: httpapi.EventGrant, Outcome: "started", App: file.List().All()[0].Name})
		}
		if got := strings.Count(exposition(m), "dss_app_sign_ins_total{"); got != 6 {
			t.Errorf("%d series are left for one app and the others", got)
		}
		write("broken")
		time.Sleep(time.Second)
		want(t, m, "dss_apps_broken", 1)
		want(t, m, "dss_apps_failures_total", 1)
		want(t, m, "dss_apps", 1)
	})
}
