// Command inbox signs a Stack Exchange user in and shows their inbox.
//
//	DSS_SERVER=https://auth.example.org DSS_CLIENT_ID=12345 go run ./examples/inbox
//
// To try it offline, run "make run" and then
//
//	DSS_SERVER=http://localhost:8080 DSS_CLIENT_ID=1 \
//	DSS_STACKEXCHANGE_URL=http://localhost:8080/sandbox \
//	DSS_STACKEXCHANGE_API_URL=http://localhost:8080/sandbox/2.3 go run ./examples/inbox
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/desktop-stack-serv/dss"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	config := dss.Config{
		Server:        os.Getenv("DSS_SERVER"),
		ClientID:      os.Getenv("DSS_CLIENT_ID"),
		StackExchange: os.Getenv("DSS_STACKEXCHANGE_URL"),
		Scopes:        []string{"read_inbox"},
		Prompt:        prompt,
	}
	api := cmp.Or(os.Getenv("DSS_STACKEXCHANGE_API_URL"), "https://api.stackexchange.com/2.3")
	if err := run(ctx, config, api, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

// prompt opens the browser, and shows what the user may need.
func prompt(s *dss.SignIn) error {
	fmt.Fprintf(os.Stderr, "Sign in with your browser:\n%s\n", s.URL)
	if s.MatchCode != "" {
		fmt.Fprintf(os.Stderr, "The page asks you to finish. It must show the code %s.\n", s.MatchCode)
	}
	if err := dss.OpenBrowser(s.URL); err != nil {
		fmt.Fprintln(os.Stderr, "The browser could not be opened; open the address yourself.")
	}
	return nil
}

// explain says what the user can do about an error.
func explain(err error) string {
	switch {
	case errors.Is(err, dss.ErrAccessDenied):
		return "You did not give access. Nothing was signed in."
	case errors.Is(err, dss.ErrExpired):
		return "That took too long. Start again."
	case errors.Is(err, dss.ErrUnreachable):
		return "The sign-in server cannot be reached. Check your connection and start again."
	}
	return err.Error()
}

// run signs the user in and writes the inbox to out.
func run(ctx context.Context, config dss.Config, api string, out io.Writer) error {
	client, err := dss.New(config)
	if err != nil {
		return err
	}
	token, err := client.SignIn(ctx)
	if err != nil {
		return err
	}
	// The name tells the user which account this is.
	var users []struct {
		Name string `json:"display_name"`
	}
	if err := get(ctx, api+"/me?site=stackoverflow", token, &users); err != nil {
		return err
	}
	for _, user := range users {
		fmt.Fprintf(out, "Signed in as %s\n", html.UnescapeString(user.Name))
	}
	return showInbox(ctx, api, token, out)
}

func showInbox(ctx context.Context, api string, token *dss.Token, out io.Writer) error {
	var items []struct {
		Title string `json:"title"`
		Link  string `json:"link"`
	}
	if err := get(ctx, api+"/inbox?pagesize=10", token, &items); err != nil {
		return err
	}
	if len(items) == 0 {
		fmt.Fprintln(out, "Your inbox is empty")
	}
	for _, item := range items {
		fmt.Fprintf(out, "- %s\n  %s\n", html.UnescapeString(item.Title), item.Link)
	}
	return nil
}

// get calls a method of the Stack Exchange API and decodes its items.
func get(ctx context.Context, address string, token *dss.Token, items any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Items   json.RawMessage `json:"items"`
		Message string          `json:"error_message"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("stack exchange answers %s: %w", response.Status, err)
	}
	if answer.Message != "" {
		return fmt.Errorf("stack exchange: %s", answer.Message)
	}
	return json.Unmarshal(answer.Items, items)
}
