//go:build integration

package program

import (
	"net"
	"sync"
	"testing"
)

// TestPort: what one caller got, no other gets, and no connection.
func TestPort(t *testing.T) {
	const callers, offset = 100, 10000
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[int]bool{}
	for range callers {
		all.Go(func() {
			port, err := Port(offset)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, one := range []int{port, port + offset} {
				if got[one] || one >= connectionPorts() || take(one) {
					t.Errorf("%d can be had twice", one)
				}
				got[one] = true
			}
		})
	}
	all.Wait()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if port := listener.Addr().(*net.TCPAddr).Port; port < connectionPorts() || take(port) {
		t.Errorf("%d, which the system gave, can be had", port)
	}
}
