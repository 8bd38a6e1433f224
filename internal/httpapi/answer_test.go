package httpapi

import (
	"net/http"
	"reflect"
	"testing"
)

// TestSharedHeaders: what one answer does with its headers reaches no other.
func TestSharedHeaders(t *testing.T) {
	for _, class := range []headerClass{pageHeaders, dataHeaders, assetHeaders} {
		want, h := http.Header{}, http.Header{}
		class.set(want)
		want = want.Clone()
		class.set(h)
		for name := range want {
			h.Add(name, "added")
			h.Set(name, "changed")
			h.Add(name, "added")
		}
		h.Del("Cache-Control")
		got := http.Header{}
		class.set(got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
