package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// ceiling is the least that can be called a relay: a map behind net/http,
// with no checks, no encryption, no limits, no log and nothing on disk.
type ceiling struct {
	mu      sync.Mutex
	tokens  map[string]string
	devices map[string]bool // device codes
	waiters map[string]chan string
}

// serveCeiling serves until the process is killed. With the files of a
// certificate and its key it serves over HTTPS.
func serveCeiling(pair ...string) error {
	c := &ceiling{tokens: map[string]string{}, devices: map[string]bool{}, waiters: map[string]chan string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /auth/redirect", c.deposit)
	mux.HandleFunc("GET /auth/token", c.claim)
	mux.HandleFunc("POST /oauth/device_authorization", c.authorizeDevice)
	mux.HandleFunc("POST /oauth/token", c.pollDevice)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if len(pair) == 2 {
		fmt.Println("ceiling is ready at https://" + listener.Addr().String())
		return http.ServeTLS(listener, mux, pair[0], pair[1])
	}
	fmt.Println("ceiling is ready at http://" + listener.Addr().String())
	return http.Serve(listener, mux)
}

func (c *ceiling) deposit(w http.ResponseWriter, r *http.Request) {
	key, token := r.PostFormValue("state"), r.PostFormValue("access_token")
	c.mu.Lock()
	waiter := c.waiters[key]
	if waiter == nil {
		c.tokens[key] = token
	}
	delete(c.waiters, key)
	c.mu.Unlock()
	if waiter != nil {
		waiter <- token
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *ceiling) claim(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	key, wait := query.Get("key"), query.Get("wait")
	waiter := make(chan string, 1)
	c.mu.Lock()
	token, ok := c.tokens[key]
	delete(c.tokens, key)
	if !ok && wait != "" {
		c.waiters[key] = waiter
	}
	c.mu.Unlock()
	if !ok && wait != "" {
		token, ok = await(r, waiter)
	}
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error_name":"no_token","error_message":"no token"}`)
		return
	}
	_, _ = io.WriteString(w, `{"access_token":"`+token+`"}`)
}

func (c *ceiling) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("client_id") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	code := rand.Text() + rand.Text()
	c.mu.Lock()
	c.devices[code] = true
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"device_code":"`+code+`","user_code":"BCDF-GHJK","expires_in":900,"interval":5}`)
}

func (c *ceiling) pollDevice(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	pending := c.devices[r.PostFormValue("device_code")]
	c.mu.Unlock()
	if !pending {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"error":"authorization_pending"}`)
}

func await(r *http.Request, waiter <-chan string) (string, bool) {
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	select {
	case token := <-waiter:
		return token, true
	case <-timeout.C:
	case <-r.Context().Done():
	}
	return "", false
}
