package main

import "testing"

func TestStoreName(t *testing.T) {
	for store, want := range map[string]string{
		"sqlite:data/dss.db":                                     "sqlite:data/dss.db",
		"postgres://db/dss":                                      "postgres://db/dss",
		"postgres://dss:planted@db/dss":                          "postgres://dss@db/dss",
		"postgres://dss:planted@one:1,two:2/dss?sslmode=disable": "postgres://dss@one:1,two:2/dss",
		"postgres://dss@db/dss?password=planted":                 "postgres://dss@db/dss",
		"rediss://:planted@db:6380/0":                            "rediss://@db:6380/0",
		"redis://u:pl@nt/ed@db":                                  "redis://u@db",
	} {
		c := config{store: store}
		if got := c.storeName(); got != want {
			t.Errorf("storeName of %s = %s, want %s", store, got, want)
		}
	}
}
