// Command go-loopback signs a user in with golang.org/x/oauth2: the browser comes
// back to an address on this machine.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/oauth2"
)

var (
	server = env("DSS_SERVER", "https://auth.example.org")
	api    = env("DSS_STACKEXCHANGE_API_URL", "https://api.stackexchange.com/2.3")
)

func main() {
	ctx := context.Background()
	token, err := signIn(ctx)
	if err != nil {
		log.Fatal(err)
	}
	name, err := displayName(oauth2.NewClient(ctx, oauth2.StaticTokenSource(token)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Hello,", name)
}

func signIn(ctx context.Context) (*oauth2.Token, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	config := oauth2.Config{
		ClientID:    os.Getenv("DSS_CLIENT_ID"),
		RedirectURL: "http://" + listener.Addr().String() + "/callback",
		Endpoint: oauth2.Endpoint{
			AuthURL:   server + "/oauth/authorize",
			TokenURL:  server + "/oauth/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	answers := make(chan url.Values, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("state") != state {
			http.NotFound(w, r)
			return
		}
		page := map[string]string{"": "/done", "access_denied": "/denied"}[r.FormValue("error")]
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(w, r, server+cmp.Or(page, "/failed"), http.StatusSeeOther)
		select {
		case answers <- r.URL.Query():
		default: // it came twice
		}
	})
	callback := &http.Server{Handler: mux}
	go callback.Serve(listener)
	defer callback.Shutdown(ctx)

	fmt.Println("Sign in at", config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	answer := <-answers
	if answer.Get("code") == "" {
		return nil, errors.New(answer.Get("error") + ": " + answer.Get("error_description"))
	}
	return config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
}

func displayName(client *http.Client) (string, error) {
	response, err := client.Get(api + "/me?site=stackoverflow")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var me struct {
		Items []struct {
			DisplayName string `json:"display_name"`
		}
		ErrorMessage string `json:"error_message"`
	}
	if err := json.NewDecoder(response.Body).Decode(&me); err != nil {
		return "", err
	}
	if len(me.Items) == 0 {
		return "", errors.New("no such user: " + me.ErrorMessage)
	}
	return me.Items[0].DisplayName, nil
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
