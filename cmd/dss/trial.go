package main

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/doctor"
	"github.com/desktop-stack-serv/dss/internal/registration"
)

// revokeTime bounds how long the token of a trial lives.
const revokeTime = 30 * time.Second

// trySignIn signs the person in as the app would, and says what that has shown. The
// error is that of the end of ctx.
func (e *examination) trySignIn(ctx context.Context, domain string) error {
	if e.client == nil {
		const change = "Set --client-id to try your app's registration on Stack Apps."
		e.findings.add(doctor.NotTried("there is no client ID", change))
		return nil
	}
	if slices.ContainsFunc(e.findings.all, preventsSignIn) {
		e.findings.add(doctor.NotTried("solve the problem above first", ""))
		return nil
	}
	trial := doctor.Trial{Asked: e.scope, Domain: domain}
	if err := e.try(ctx, &trial); err != nil {
		e.findings.add(doctor.NotStarted(err))
		return ctx.Err()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.findings.add(doctor.Explain(trial)...)
	if trial.Err != nil || e.lines == nil {
		return nil
	}
	e.screen.printf("\nThat is all that a sign-in shows. Does something fail in your app all the same?\n\n")
	if trial.Seen = e.choose(ctx.Done(), true, "if nothing does"); trial.Seen.Later {
		e.findings.add(doctor.Explain(trial)...)
	}
	return ctx.Err()
}

// preventsSignIn reports whether a finding is a problem with which no sign-in works.
func preventsSignIn(f doctor.Finding) bool {
	return f.Status == doctor.Problem && f.Check != doctor.Clocks
}

// try fills in what came of a sign-in. The error is that of the start.
func (e *examination) try(ctx context.Context, trial *doctor.Trial) error {
	limited, cancel := context.WithTimeoutCause(ctx, e.timeout, dss.ErrExpired)
	defer cancel()
	e.screen.printf("\n")
	signIn, end, err := e.start(limited, e.client, e.screen)
	if err != nil {
		return err
	}
	defer end()
	var token *dss.Token
	if token, trial.Seen, trial.Err = e.await(limited, signIn); token == nil {
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTime) // whatever the person does
	defer cancel()
	trial.End(ending, e.client, token.AccessToken)
	return nil
}

// await waits for the end of a sign-in, or until the person says what they see
// instead, which ends it with [dss.ErrExpired].
func (e *examination) await(
	ending context.Context, signIn *dss.SignIn,
) (token *dss.Token, seen registration.Sighting, err error) {
	ctx, giveUp := context.WithCancelCause(ending)
	defer giveUp(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		token, err = signIn.Wait(ctx)
	}()
	if seen = e.watch(ended); seen.Sight != "" {
		giveUp(dss.ErrExpired)
	}
	<-ended
	return token, seen, err
}

// watch returns when the sign-in has ended, or the person has said what they see.
func (e *examination) watch(ended <-chan struct{}) (seen registration.Sighting) {
	if e.lines != nil {
		e.screen.printf("If the browser shows an error instead, press Enter here.\n\n")
	}
	for {
		stop := e.screen.spin(e.screen.text("login.waiting"))
		select {
		case <-ended:
			stop()
			return seen
		case _, more := <-e.lines:
			stop()
			if !more {
				e.lines = nil
				continue
			}
		}
		e.screen.printf("What does the browser show?\n\n")
		if seen = e.choose(ended, false, "to go on waiting"); seen.Sight != "" {
			return seen
		}
	}
}

// choose has the person choose what they have seen, unless ended is closed before.
// The zero Sighting stands for Enter, which means what enter says.
func (e *examination) choose(ended <-chan struct{}, later bool, enter string) registration.Sighting {
	list := slices.DeleteFunc(slices.Clone(registration.Sightings),
		func(s registration.Sighting) bool { return s.Later != later })
	for i, s := range list {
		const indent = "      "
		words := strings.TrimPrefix(cli.Wrap(s.Words, indent, min(e.screen.columns, maxColumns)), indent)
		e.screen.printf("%4d  %s", i+1, words)
	}
	for {
		e.screen.printf("\nType a number from 1 to %d, or press Enter %s: ", len(list), enter)
		select {
		case <-ended:
			e.screen.printf("\n\n")
			return registration.Sighting{}
		case line, more := <-e.lines:
			line = strings.TrimSpace(line)
			if line == "" {
				e.screen.printf("\n")
			}
			if !more {
				e.lines = nil
			}
			if line == "" || !more {
				return registration.Sighting{}
			}
			if n, err := strconv.Atoi(line); err == nil && n >= 1 && n <= len(list) {
				e.screen.printf("\n")
				return list[n-1]
			}
		}
	}
}

// linesOf returns the lines that are typed in a terminal. Its goroutine ends with the
// input or the process: a read from a terminal cannot be interrupted.
func linesOf(r io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}
