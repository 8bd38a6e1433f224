package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// sink is a connection that takes everything.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) Flush()                      {}

// BenchmarkPoll is what DSS adds to net/http when nothing is stored.
func BenchmarkPoll(b *testing.B) {
	public, err := url.Parse("http://localhost:8080")
	if err != nil {
		b.Fatal(err)
	}
	store := memory.New(store.Limits{})
	server, err := httpapi.New(sealed.NewVault(store), httpapi.Config{
		PublicURL: public, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	handler := server.Handler()
	r := httptest.NewRequest("GET", "http://localhost:8080/auth/token?key=bench-ABCDEFGHIJKLMNOPQRSTUVWXYZ-12345", nil)
	r.URL.Scheme, r.URL.Host = "", ""
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(&sink{http.Header{}}, r)
	}
}
