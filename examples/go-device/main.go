// Command go-device signs a user in with golang.org/x/oauth2 and the device grant:
// the browser may be on another machine. It signs out at the end.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
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
	config := oauth2.Config{
		ClientID: os.Getenv("DSS_CLIENT_ID"),
		Endpoint: oauth2.Endpoint{
			DeviceAuthURL: server + "/oauth/device_authorization",
			TokenURL:      server + "/oauth/token",
			AuthStyle:     oauth2.AuthStyleInParams,
		},
	}
	device, err := config.DeviceAuth(ctx)
	check(err)
	fmt.Println("Open", device.VerificationURIComplete)
	fmt.Println("and check that it shows", device.UserCode)
	token, err := config.DeviceAccessToken(ctx, device) // waits for the user
	check(err)

	response, err := config.Client(ctx, token).Get(api + "/me?site=stackoverflow")
	check(err)
	defer response.Body.Close()
	var me struct {
		Items []struct {
			DisplayName string `json:"display_name"`
		}
	}
	check(json.NewDecoder(response.Body).Decode(&me))
	for _, user := range me.Items {
		fmt.Println("Hello,", user.DisplayName)
	}

	revoked, err := http.PostForm(server+"/oauth/revoke", url.Values{"token": {token.AccessToken}})
	check(err)
	revoked.Body.Close()
	fmt.Println("Signed out:", revoked.StatusCode == http.StatusOK)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
