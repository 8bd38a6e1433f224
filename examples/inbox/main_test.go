package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/dsstest"
)

func TestInbox(t *testing.T) {
	for _, flow := range []dss.Flow{dss.FlowLoopback, dss.FlowRelay} {
		server := dsstest.Start(t, dsstest.Options{})
		config := server.Config()
		config.Flow, config.Prompt = flow, server.User(dsstest.Approves)
		var out bytes.Buffer
		if err := run(t.Context(), config, server.API, &out); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.HasPrefix(got, "Signed in as Sandbox User\n") || strings.Count(got, "\n") < 2 {
			t.Errorf("%s: %s", flow, got)
		}
	}
}

func TestRefusal(t *testing.T) {
	server := dsstest.Start(t, dsstest.Options{})
	config := server.Config()
	config.Prompt = server.User(dsstest.Denies)
	err := run(t.Context(), config, server.API, new(bytes.Buffer))
	if !errors.Is(err, dss.ErrAccessDenied) || !strings.Contains(explain(err), "Nothing was signed in") {
		t.Errorf("%v", err)
	}
}
