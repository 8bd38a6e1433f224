package daemon

import (
	"context"
	"errors"
	"log/slog"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// ExamineStore does with a store what a server does, on an entry of its own. It
// returns a [SettingError] if the URL is not good at all. What a start would
// create belongs to the user that the server runs as, so it is not created here.
func ExamineStore(ctx context.Context, url string, log *slog.Logger) ([]store.Finding, error) {
	kind, err := kindOf(url)
	if err != nil {
		return nil, err
	}
	if kind.missing != nil {
		if text, err := kind.missing(ctx, url); err != nil || text != "" {
			return unopened(store.OK, text, err)
		}
	}
	opened, err := kind.open(ctx, url, store.Limits{}, log)
	if err != nil {
		return unopened(store.Problem, "", err)
	}
	defer opened.Close()
	defer runBackground("store", opened.Run, log)()
	findings := []store.Finding{{Subject: "connection", Text: "connected to " + storeName(url)}}
	if more, ok := opened.(store.Inspector); ok {
		findings = append(findings, more.Inspect(ctx)...)
	} else {
		findings = append(findings, store.Finding{Subject: "servers", Text: "this store is for one server: no other can use it at the same time"})
	}
	return append(findings, store.Exercise(ctx, opened)...), nil
}

// unopened is all there is to say of a store that is not there.
func unopened(level store.Level, text string, err error) ([]store.Finding, error) {
	if _, ok := errors.AsType[SettingError](err); ok {
		return nil, err
	}
	if err != nil {
		level, text = store.Problem, err.Error()
	} else {
		text += "; nothing else was looked at, as that would create it"
	}
	return []store.Finding{{Level: level, Subject: "connection", Text: text}}, nil
}
