package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	keyring "github.com/zalando/go-keyring"
)

func TestKeyChain(t *testing.T) {
	keyring.MockInit()
	const name = "https://dss.example 7"
	var chain keyChain
	if text, ok, err := chain.Load(name); text != "" || ok || err != nil {
		t.Errorf("Load of nothing = %q, %v, %v", text, ok, err)
	}
	for _, text := range []string{"one", "another"} {
		if err := chain.Save(name, text); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := chain.Load(name); got != text || !ok || err != nil {
			t.Errorf("Load = %q, %v, %v, want %q", got, ok, err, text)
		}
	}
	for range 2 { // the second time, there is nothing
		if err := chain.Delete(name); err != nil {
			t.Error(err)
		}
	}
	if _, ok, err := chain.Load(name); ok || err != nil {
		t.Errorf("Load of what is deleted = %v, %v", ok, err)
	}
}

func TestKeyChainInTrouble(t *testing.T) {
	for _, test := range []struct {
		err        error
		load, save string // part of the error
	}{
		{keyring.ErrUnsupportedPlatform, "--insecure-storage", "--insecure-storage"},
		{errors.New("locked"), "locked; --insecure-storage", "locked; --insecure-storage"},
		{keyring.ErrSetDataTooBig, "--insecure-storage", "dss logout --account"},
	} {
		keyring.MockInitWithError(test.err)
		var chain keyChain
		if _, ok, err := chain.Load("name"); ok || err == nil || !strings.Contains(err.Error(), test.load) {
			t.Errorf("%v: Load = %v, %v", test.err, ok, err)
		}
		if err := chain.Save("name", "text"); err == nil || !strings.Contains(err.Error(), test.save) {
			t.Errorf("%v: Save = %v", test.err, err)
		}
		if err := chain.Delete("name"); err == nil || !strings.Contains(err.Error(), test.load) {
			t.Errorf("%v: Delete = %v", test.err, err)
		}
	}
}

func TestKeyChainThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan error)
		began := time.Now()
		err := inTime(func() error { return <-answer })
		if err == nil || time.Since(began) != keyChainTime {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		answer <- nil // so that the call ends
	})
}
