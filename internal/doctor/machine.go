package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

const useDevice = "use --flow device, which needs no browser here"

// CheckBrowser says whether a browser can come back to this machine, as the flow
// loopback needs it to, and whether one can be opened here, if dss is to open it.
func CheckBrowser(p browser.Place, comesBack, opens bool) Finding {
	f := Finding{Check: Browser, Status: lacking(comesBack, Warning)}
	switch {
	case p.Container:
		f.Detail = "this is a container: a browser outside of it cannot come back to 127.0.0.1 in it"
		f.Change = "In here, " + useDevice + "; or run dss outside."
	case p.Remote:
		f.Detail = browser.ErrNoDisplay.Error()
		f.Change = "Over SSH, " + useDevice + "."
	case !opens:
		f.Status, f.Detail = OK, "you open it yourself"
	case !p.Installed && p.WSL:
		f.Detail = p.Command + " is not installed in this WSL"
		f.Change = "Install wslu, which opens the browser of Windows; or open the address yourself; or " + useDevice + "."
	case !p.Installed:
		f.Detail = p.Command + ", which opens browsers, is not installed"
		f.Change = "Install xdg-utils; or open the address yourself; or " + useDevice + "."
	case !p.Display:
		f.Detail = "there is no display, so " + p.Command + " cannot show a browser"
		f.Change = "Set DISPLAY, WAYLAND_DISPLAY or BROWSER; or " + useDevice + "."
	default:
		f.Status, f.Detail = OK, p.Command+" opens it"
	}
	if !comesBack {
		f.Change = ""
	}
	return f
}

// CheckLoopback opens a listener as the flow loopback does, and sends a request to
// it. The listener at ::1 is one that other programs may need.
func CheckLoopback(
	ctx context.Context, client *fetch.Client, listen func(network, address string) (net.Listener, error), needed bool,
) Finding {
	if err := reachMyself(ctx, client, listen, "127.0.0.1:0"); err != nil {
		return Finding{
			Check: Loopback, Status: lacking(needed, Problem),
			Detail: "no request reaches a listener at 127.0.0.1: " + short(err.Error()),
			Change: "Let programs listen at 127.0.0.1, in firewall and sandbox; or use --flow device, which does not listen.",
		}
	}
	f := Finding{Check: Loopback, Status: OK, Detail: "requests reach a listener at 127.0.0.1, and at ::1"}
	if err := reachMyself(ctx, client, listen, "[::1]:0"); err != nil {
		f.Detail = "requests reach a listener at 127.0.0.1, which is enough for dss; there is none at ::1"
	}
	return f
}

// loopbackTime bounds a request to this machine. A filter may drop it in silence.
const loopbackTime = 5 * time.Second

// reachMyself serves one page at an address, and fetches it.
func reachMyself(
	ctx context.Context, client *fetch.Client, listen func(network, address string) (net.Listener, error), address string,
) error {
	listener, err := listen("tcp", address)
	if err != nil {
		return err
	}
	want := secret.Random().Reveal()
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, want) }),
		ReadHeaderTimeout: loopbackTime,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // until it is closed
	}()
	defer func() {
		_ = server.Close()
		<-ended
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request, loopbackTime)
	if err != nil {
		return err
	}
	if !bytes.Equal(answer.Body, []byte(want)) {
		return fmt.Errorf("something else answers: %v", answer)
	}
	return nil
}
