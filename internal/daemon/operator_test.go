package daemon

import (
	"strings"
	"testing"
)

func TestOperator(t *testing.T) {
	for _, tt := range []struct {
		settings Settings
		mistake  string // what names it; "" if it is good
	}{
		{Settings{OperatorName: "Example & Søn", OperatorURL: "https://example.org/about?a=b#c", OperatorContact: "mailto:security@example.org"}, ""},
		{Settings{OperatorContact: "https://example.org/report"}, ""},
		{Settings{OperatorName: "<b>Example</b>"}, "--operator-name"},
		{Settings{OperatorName: "12"}, "--operator-name"},
		{Settings{OperatorName: strings.Repeat("a", 41)}, "--operator-name"},
		{Settings{OperatorURL: "http://example.org"}, "--operator-url"},
		{Settings{OperatorURL: "javascript:alert(1)"}, "--operator-url"},
		{Settings{OperatorURL: "https://user@example.org"}, "--operator-url"},
		{Settings{OperatorURL: "https://example.org/a b"}, "--operator-url"},
		{Settings{OperatorURL: "https://"}, "--operator-url"},
		{Settings{OperatorContact: "security@example.org"}, "--operator-contact"},
		{Settings{OperatorContact: "mailto:"}, "--operator-contact"},
		{Settings{OperatorContact: "mailto:a@example.org?body=x"}, "--operator-contact"},
		{Settings{OperatorContact: "mailto:a@b.example\nExpires: never"}, "--operator-contact"},
		{Settings{OperatorContact: "tel:123"}, "--operator-contact"},
	} {
		_, err := tt.settings.plan()
		switch {
		case tt.mistake == "" && err != nil:
			t.Errorf("%+v: %v", tt.settings, err)
		case tt.mistake != "" && (err == nil || !strings.Contains(err.Error(), tt.mistake)):
			t.Errorf("%+v: %v", tt.settings, err)
		}
	}
}
