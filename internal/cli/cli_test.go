package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shop is a program with a flag of each kind.
func shop() *Program {
	return &Program{
		Name: "my-shop", Purpose: "my-shop sells.", Notes: "Exit status: 0.", Variables: []string{"MY_SHOP_TOKEN"},
		Commands: []*Command{
			{
				Name: "sell", Summary: "sell things", About: "It sells things to people.\n\n  my-shop sell --to nobody",
				Setup: func(f *Flags) Run {
					var s struct {
						to, colour, gift, price string
						boxes                   int
						paper                   bool
					}
					var within time.Duration
					f.Group("Start here")
					f.StringVar(&s.to, "to", "", "`name` of the buyer")
					f.ChoiceVar(&s.colour, "colour", "red|green", "the colour")
					f.SwitchVar(&s.gift, "gift", "wrapped|rolled", "it is a gift")
					f.Group("Details")
					f.IntVar(&s.boxes, "boxes", 1, "how many boxes")
					f.DurationVar(&within, "within", 15*time.Minute, "how fast")
					f.BoolVar(&s.paper, "paper", "in paper")
					f.Group("Start here")
					f.StringVar(&s.price, "price", "$5", "`price` of it")
					return func(_ context.Context, p Process, _ []string) error {
						fmt.Fprintf(p.Stdout, "%+v within:%v", s, within)
						return nil
					}
				},
			},
			{
				Name: "stock", Aliases: []string{"--stock"}, Summary: "count", About: "It counts.", Arguments: "all|[-]",
				Setup: func(f *Flags) Run {
					var fast bool
					f.BoolVar(&fast, "fast", "do not look twice")
					return func(_ context.Context, p Process, args []string) error {
						fmt.Fprint(p.Stdout, fast, args, p.Misspelt())
						return nil
					}
				},
			},
		},
	}
}

// run returns what a command line prints, or its error.
func run(t *testing.T, line string, variables ...string) string {
	t.Helper()
	env := map[string]string{}
	for _, pair := range variables {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	var stdout, stderr bytes.Buffer
	err := shop().Run(t.Context(), Process{
		Env:     func(name string) string { return env[name] },
		Environ: func() []string { return variables },
		Stdout:  &stdout, Stderr: &stderr,
	}, strings.Fields(line))
	if err == nil {
		return stdout.String()
	}
	if _, ok := errors.AsType[UsageError](err); !ok || stdout.Len() > 0 {
		t.Errorf("%s: %v\n%s", line, err, stdout.String())
	}
	return stderr.String() + err.Error()
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ line, variable, want string }{
		{"sell", "", "{to: colour:red gift:off price:$5 boxes:1 paper:false} within:15m0s"},
		{"sell --to me -colour=green --boxes 0x10 --within 1h --paper=true --price $7", "",
			"{to:me colour:green gift:off price:$7 boxes:16 paper:true} within:1h0m0s"},
		{"sell", "MY_SHOP_COLOUR=green", "colour:green"},
		{"sell --colour red", "MY_SHOP_COLOUR=green", "colour:red"},
		{"sell", "MY_SHOP_COLOUR=", "colour:red"},
		{"sell --gift", "", "gift:on"},
		{"sell --gift --paper", "", "gift:on"},
		{"sell --gift=true", "", "gift:on"},
		{"sell --gift=rolled", "", "gift:rolled"},
		{"sell --gift=rolled,wrapped", "", "gift:rolled,wrapped"},
		{"sell --gift=rolled,true", "", `--gift cannot be "rolled,true": write true, false, wrapped or rolled`},
		{"sell --gift=rolled,", "", `--gift cannot be "rolled,"`},
		{"sell --gift=false", "MY_SHOP_GIFT=rolled", "gift:off"},
		{"sell", "MY_SHOP_GIFT=true", "gift:on"},
		{"sell", "MY_SHOP_GIFT=wrapped", "gift:wrapped"},
		{"sell", "MY_SHOP_GIFT=yes", `MY_SHOP_GIFT cannot be "yes": write true, false, wrapped or rolled`},
		{"sell --colour blue", "", `--colour cannot be "blue": write red or green`},
		{"sell", "MY_SHOP_COLOUR=blue", `MY_SHOP_COLOUR cannot be "blue": write red or green`},
		{"sell --boxes 1e6", "", `--boxes cannot be "1e6": write a whole number`},
		{"sell --within 90", "", `--within cannot be "90": write a unit: 90s or 1m30s`},
		{"sell --within 3600", "", `write a unit: 3600s or 1h`},
		{"sell --within 5", "", `write a unit: 5s`},
		{"sell --within soon", "", `write a duration with units`},
		{"sell --paper=yes", "", `--paper cannot be "yes": write true or false`},
		{"sell --to", "", "--to needs a value"},
		{"sell --color red", "", `there is no flag "--color"; did you mean --colour?`},
		{"sell --frobnicate", "", `there is no flag "--frobnicate"; my-shop sell --help lists the flags`},
		{"sell now", "", `unexpected argument "now"; flags start with --`},
		{"sell postgres://me:hunter2@h", "", `unexpected argument; flags start with --`},
		{"stock all --fast", "", "true [all] []"},
		{"stock --fast -", "", "true [-] []"},
		{"stock -- --fast", "", "false [--fast] []"},
		{"--stock", "", "false [] []"},
		{"", "", "name a command"},
		{"sel", "", `there is no command "sel"; did you mean my-shop sell?`},
		{"comp", "", "did you mean my-shop completion?"},
		{"frobnicate", "", `there is no command "frobnicate"; my-shop help lists them`},
		{"me:hunter2@h", "", `there is no command; my-shop help lists them`},
		{"help sell sell", "", "takes the name of one command"},
		{"help sel", "", "did you mean my-shop sell?"},
		{"completion csh", "", "bash, zsh, fish or powershell"},
		{"__complete", "", "is for the scripts"},
		{"__complete 3 my-shop", "", "no place"},
	} {
		if got := run(t, c.line, c.variable); !strings.Contains(got, c.want) {
			t.Errorf("%s, %s: %q, want %q", c.line, c.variable, got, c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	const want = `usage: my-shop sell [flags]

It sells things to people.

  my-shop sell --to nobody

Each flag can be set in the environment too, as shown in brackets.

Start here:

  --to name  [MY_SHOP_TO]
        name of the buyer
  --colour red|green  [MY_SHOP_COLOUR]
        the colour (default red)
  --gift[=wrapped|rolled]  [MY_SHOP_GIFT]
        it is a gift
  --price price  [MY_SHOP_PRICE]
        price of it (default $5)

Details:

  --boxes number  [MY_SHOP_BOXES]
        how many boxes (default 1)
  --within duration  [MY_SHOP_WITHIN]
        how fast (default 15m)
  --paper  [MY_SHOP_PAPER]
        in paper
`
	for _, line := range []string{"help sell", "sell --help", "sell --to me -h"} {
		if got := run(t, line); got != want {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	for _, line := range []string{"help", "--help", "-h"} {
		if got := run(t, line); !strings.Contains(got, "my-shop stock       count\n") || !strings.HasSuffix(got, "\nExit status: 0.\n") {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	if got := Wrap("one two three averyverylongword four", "  ", 10); got != "  one two\n  three\n  averyverylongword\n  four\n" {
		t.Errorf("%q", got)
	}
}

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"1 my-shop s":                        "sell\tsell things|stock\tcount",
		"1 my-shop":                          "sell\tsell things|stock\tcount|completion\tprint a completion script for a shell|help\texplain a command",
		"2 my-shop help st":                  "stock",
		"2 my-shop completion f":             "fish",
		"2 my-shop stock":                    "all|-|--fast\tdo not look twice|--help\texplain the command",
		"2 my-shop sell --g":                 "--gift\tit is a gift",
		"3 my-shop sell --colour":            "red|green",
		"3 my-shop sell --colour g --to":     "green",
		"3 my-shop sell --to":                "",
		"3 my-shop sell --gift --to":         "--to\tname of the buyer",
		"2 my-shop sell --colour=":           "--colour=red|--colour=green",
		"2 my-shop sell --gift=r":            "--gift=rolled",
		"3 my-shop sell --colour =":          "red|green",
		"4 my-shop sell --colour = g":        "green",
		"5 my-shop sell --colour = red --pa": "--paper\tin paper",
		"2 my-shop nothing":                  "",
	} {
		got := strings.ReplaceAll(strings.TrimSuffix(run(t, "__complete "+line), "\n"), "\n", "|")
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for shell := range shells {
		script := run(t, "completion "+shell)
		if !strings.Contains(script, "my-shop") || !strings.Contains(script, complete) || strings.Contains(script, "PROGRAM") {
			t.Errorf("%s:\n%s", shell, script)
		}
	}
}

// TestMisspelt names what was meant, and no variable that is somebody else's.
func TestMisspelt(t *testing.T) {
	for pair, want := range map[string]string{
		"MY_SHOP_COLUOR=red":             "there is no setting MY_SHOP_COLUOR: did you mean MY_SHOP_COLOUR?",
		"my_shop_colour=red":             "did you mean MY_SHOP_COLOUR?",
		"MY_SHOP_TOKN=secret":            "did you mean MY_SHOP_TOKEN?",
		"MY_SHOP_COMPLETELY_DIFFERENT=x": "my-shop COMMAND --help lists the settings",
		"MY_SHOP_ADMIN_PORT=8081":        "there is no setting MY_SHOP_ADMIN_PORT",

		"MY_SHOP_COLOUR=red": "", "MY_SHOP_FAST=1": "", "MY_SHOP_TOKEN=x": "", "MY_SHOP_COLUOR=": "", "COLUOR=x": "", "PATH=/bin": "",
		"MY_SHOP_PORT=tcp://10.0.0.1:8080": "", "MY_SHOP_SERVICE_HOST=10.0.0.1": "", "MY_SHOP_SERVICE_PORT=8080": "",
		"MY_SHOP_SERVICE_PORT_HTTP=8080": "", "MY_SHOP_PORT_8080_TCP=tcp://10.0.0.1:8080": "", "MY_SHOP_PORT_8080_TCP_ADDR=10.0.0.1": "",
		"MY_SHOP_PORT_8080_TCP_PROTO=tcp": "", "MY_SHOP_REDIS_SERVICE_HOST=10.0.0.2": "", "MY_SHOP_REDIS_PORT=tcp://10.0.0.2:6379": "",
		"MY_SHOP_REDIS_PORT_6379_TCP_PORT=6379": "", "MY_SHOP_TEST_REDIS=x": "",
	} {
		got := run(t, "stock", pair)
		if !strings.Contains(got, want) || (want == "") != strings.HasSuffix(got, "[] []") || strings.Contains(got, "secret") {
			t.Errorf("%s: %q, want %q", pair, got, want)
		}
	}
}
