package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// approved runs a device's sign-in up to the user's approval.
func (w world) approved(t *testing.T) (oauth.DeviceAuthorization, string) {
	t.Helper()
	a := w.device(t)
	address, err := w.Continue(t.Context(), a.UserCode, browser)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: "C"}, browser)
	if err != nil || outcome.Receipt == "" {
		t.Fatalf("callback: %+v, %v", outcome, err)
	}
	return a, outcome.Receipt
}

func (w world) wantProgress(t *testing.T, receipt string, want oauth.Progress) {
	t.Helper()
	followed, err := w.Follow(t.Context(), receipt, browser)
	if err != nil || followed.Progress != want {
		t.Errorf("Follow = %+v, %v, want %s", followed, err, want)
	}
}

func TestFollowADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worlds := newWorlds(2, oauth.Config{Shared: true})
		a, receipt := worlds[0].approved(t)
		worlds[1].wantProgress(t, receipt, oauth.Waiting)
		worlds[0].upstream.down.Store(true)
		if _, err := worlds[0].poll(t.Context(), a); err == nil {
			t.Fatal("a token in an outage")
		}
		worlds[1].wantProgress(t, receipt, oauth.Waiting)
		worlds[0].upstream.down.Store(false)
		time.Sleep(oauth.Interval)
		if _, err := worlds[0].poll(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		worlds[1].wantProgress(t, receipt, oauth.PickedUp)
		time.Sleep(worlds[0].Life())
		worlds[1].wantProgress(t, receipt, oauth.Expired)
	})
}

func TestFollowOnlyInTheSameBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		_, receipt := w.approved(t)
		flow, sealedPart, _ := strings.Cut(receipt, ".")
		for _, row := range []struct {
			receipt string
			browser oauth.Browser
		}{
			{receipt, otherBrowser}, {receipt, nobody}, {flow + ".", browser}, {flow + ".B" + sealedPart[1:], browser},
			{"", browser}, {sealedPart, browser},
		} {
			if _, err := w.Follow(t.Context(), row.receipt, row.browser); err != oauth.ErrWrongBrowser {
				t.Errorf("Follow = %v", err)
			}
			if _, err := w.Stop(t.Context(), row.receipt, row.browser); err != oauth.ErrWrongBrowser {
				t.Errorf("Stop = %v", err)
			}
		}
	})
}

// TestForgedReceiptOfADevice: a browser that knows somebody else's state learns
// nothing of the sign-in, and cannot stop it.
func TestForgedReceiptOfADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.device(t)
		address, err := w.Continue(t.Context(), a.UserCode, browser)
		if err != nil {
			t.Fatal(err)
		}
		at := sealed.NewSlot("grant state", secret.New(stateIn(t, address)))
		holder := sealed.NewHolder("grant receipt", secret.New("other browser"))
		forged, err := at.Receipt(holder, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		followed, err := w.Follow(t.Context(), "FLOW."+forged, otherBrowser)
		if err != nil || followed.Progress != oauth.Expired || followed.ClientID != "" {
			t.Errorf("Follow = %+v, %v", followed, err)
		}
		if _, err := w.Stop(t.Context(), "FLOW."+forged, otherBrowser); err != oauth.ErrUnknown {
			t.Errorf("Stop = %v", err)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a, receipt := w.approved(t)
		for range 2 {
			if how, err := w.Stop(t.Context(), receipt, browser); how != oauth.Unused || err != nil {
				t.Errorf("Stop = %s, %v", how, err)
			}
		}
		if _, err := w.poll(t.Context(), a); err != oauth.ErrDenied {
			t.Errorf("the device gets %v", err)
		}
		if n := w.upstream.calls.Load(); n != 0 {
			t.Errorf("%d calls", n)
		}
		w.wantProgress(t, receipt, oauth.Unused)
	})
}

func TestStopIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a, receipt := w.approved(t)
		if _, err := w.poll(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if how, err := w.Stop(t.Context(), receipt, browser); how != oauth.PickedUp || err != nil {
			t.Errorf("Stop = %s, %v", how, err)
		}
	})
}

// TestStopAfterALostAnswer: Stack Exchange may have given a token for the code.
func TestStopAfterALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a, receipt := w.approved(t)
		w.upstream.down.Store(true)
		if _, err := w.poll(t.Context(), a); err == nil {
			t.Fatal("a token in an outage")
		}
		if how, err := w.Stop(t.Context(), receipt, browser); how != oauth.Unended || err != nil {
			t.Errorf("Stop = %s, %v", how, err)
		}
		time.Sleep(oauth.Interval)
		if _, err := w.poll(t.Context(), a); err != oauth.ErrDenied {
			t.Errorf("the device gets %v", err)
		}
	})
}

// slow is a Stack Exchange that answers a redemption when it is told to.
type slow struct {
	redeem  chan *http.Response
	invalid func() *http.Response
	ended   []string // the paths
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/invalidate") {
		s.ended = append(s.ended, r.URL.Path)
		if s.invalid == nil {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return s.invalid(), nil
	}
	return <-s.redeem, nil
}

const itemOf = `{"items":[{"access_token":"T","account_id":1}],"has_more":false}`

// TestStopWhileRedeeming: the token is not handed over, and it is ended.
func TestStopWhileRedeeming(t *testing.T) {
	token := func() *http.Response { return respond(http.StatusOK, `{"access_token":"TOKEN","expires":86400}`) }
	for name, row := range map[string]struct {
		redeemed func() *http.Response
		ended    func() *http.Response
		want     oauth.Progress
		calls    int
	}{
		"a token":      {token, func() *http.Response { return respond(200, itemOf) }, oauth.Undone, 1},
		"it is down":   {token, func() *http.Response { return respond(500, "<html>") }, oauth.Unended, 1},
		"garbage":      {token, func() *http.Response { return respond(200, "]") }, oauth.Unended, 1},
		"no answer":    {token, nil, oauth.Unended, 1},
		"refused":      {func() *http.Response { return respond(400, `{"error":{"type":"invalid_request","message":"no"}}`) }, nil, oauth.Unused, 0},
		"answer lost":  {func() *http.Response { return respond(500, "<html>") }, nil, oauth.Unended, 0},
		"not a token?": {func() *http.Response { return respond(200, `{"access_token":"a/b","expires":1}`) }, nil, oauth.Unended, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				upstream := &slow{redeem: make(chan *http.Response), invalid: row.ended}
				client := stackexchange.New(stackexchange.Config{Transport: upstream, Local: true})
				w := world{Service: oauth.New(sealed.NewVault(memory.New(store.Limits{})), client, oauth.Config{}), client: client}
				a, receipt := w.approved(t)
				polled := make(chan error)
				go func() {
					_, err := w.poll(context.Background(), a)
					polled <- err
				}()
				synctest.Wait()
				stopped := make(chan oauth.Progress)
				go func() {
					left, leave := context.WithCancel(context.Background())
					leave() // the user has closed the tab
					how, err := w.Stop(left, receipt, browser)
					if err != nil {
						t.Error(err)
					}
					stopped <- how
				}()
				synctest.Wait()
				w.wantProgress(t, receipt, oauth.Unended) // as far as is known
				upstream.redeem <- row.redeemed()
				if err := <-polled; !errors.Is(err, oauth.ErrDenied) {
					t.Errorf("the device gets %v", err)
				}
				if how := <-stopped; how != row.want {
					t.Errorf("Stop = %s, want %s", how, row.want)
				}
				w.wantProgress(t, receipt, row.want)
				if len(upstream.ended) != row.calls {
					t.Errorf("%d invalidated, want %d", len(upstream.ended), row.calls)
				}
			})
		})
	}
}

// TestStopDoesNotWaitForever for a server that has ended while it redeemed.
func TestStopDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &slow{redeem: make(chan *http.Response)}
		client := stackexchange.New(stackexchange.Config{Transport: upstream, Local: true})
		w := world{Service: oauth.New(sealed.NewVault(memory.New(store.Limits{})), client, oauth.Config{}), client: client}
		a, err := w.AuthorizeDevice(t.Context(), "7", "", netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		address, _ := w.Continue(t.Context(), a.UserCode, browser)
		outcome, _ := w.Callback(t.Context(), stateIn(t, address), oauth.Answer{Code: "C"}, browser)
		go w.poll(context.Background(), a)
		synctest.Wait()
		began := time.Now()
		if how, err := w.Stop(t.Context(), outcome.Receipt, browser); how != oauth.Unended || err != nil {
			t.Errorf("Stop = %s, %v", how, err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %s", took)
		}
		upstream.redeem <- respond(500, "")
	})
}
