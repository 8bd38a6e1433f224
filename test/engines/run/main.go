// Command run starts an engine, prints its URL, and ends it when its standard
// input ends: for tests that are not written in Go.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/desktop-stack-serv/dss/test/engines"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("name an engine: redis, cluster or postgres")
	}
	url, engine, err := start(args[0])
	if err != nil {
		return err
	}
	fmt.Println(url)
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, engine.Close())
}

func start(name string) (url string, engine io.Closer, err error) {
	switch name {
	case "redis":
		s, err := engines.StartRedis()
		if err != nil {
			return "", nil, err
		}
		return s.URL, s, nil
	case "cluster":
		c, err := engines.StartRedisCluster()
		if err != nil {
			return "", nil, err
		}
		return c.URL, c, nil
	case "postgres":
		s, err := engines.StartPostgres()
		if err != nil {
			return "", nil, err
		}
		return s.URL, s, nil
	}
	return "", nil, fmt.Errorf("there is no engine %q", name)
}
