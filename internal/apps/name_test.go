package apps

import (
	"strings"
	"testing"
)

// TestNames: names as people have them are taken, hostile ones refused.
func TestNames(t *testing.T) {
	for _, name := range []string{
		"Acme Inbox", "C++ Helper", "R&D", "O'Reilly", "Qt 6.9", "node.js/inbox", "Łódź", "Đặng Văn", "Größe", "Čeština",
		"Почта", "Ελληνικά", "通知アプリ", "スタック通知", "받은 편지함", "SE 通知", "דואר", "بريد", "सूचना", "การแจ้งเตือน", "Հայաստան",
	} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"":                         "empty",
		strings.Repeat("a", 41):    "longer than 40",
		strings.Repeat("a", 1<<20): "longer than 40",
		"a\u0000b":                 "cannot be seen",
		"a\u200bb":                 "cannot be seen",
		"a\u202eb":                 "cannot be seen",
		"a\u2066b":                 "cannot be seen",
		"a\u200fb":                 "cannot be seen",
		"a\u00adb":                 "cannot be seen",
		"a\ufe0fb":                 "cannot be seen",
		"\u3164":                   "cannot be seen",
		"a\u115fb":                 "cannot be seen",
		"a\nb":                     "cannot be seen",
		"a\x1b[31mb":               "cannot be seen",
		"a\xffb":                   "cannot be seen",
		"a\u00a0b":                 "cannot be seen",
		" a":                       "space",
		"a  b":                     "space",
		"<b>Acme</b>":              `'<'`,
		"Acme&lt;b":                `';'`,
		"Acme`x`":                  "'`'",
		`Acme"`:                    `'"'`,
		"{{.}}":                    `'{'`,
		"Acme ✔":                   `'✔'`,
		"Acme 🔒":                   `'🔒'`,
		"a⠀b":                      `'⠀'`,
		"123":                      "no letter",
		"Аcme":                     "mixes Cyrillic and Latin",
		"Acmе":                     "mixes Latin and Cyrillic",
		"Αcme":                     "mixes Greek and Latin",
		"Почта Ινδοξ":              "mixes Cyrillic and Greek",
		"АСМЕ":                     "look like Latin ones",
		"Ѕсоре":                    "look like Latin ones",
		"ΑΒΒΑ":                     "look like Latin ones",
		"Acme ᎪᏢ":                  "no name needs",
		"ᎪᏢᏢᎬ":                     "no name needs",
		"ɑcme":                     "no name needs",
		"ʟist":                     "no name needs",
		"Ａｃｍｅ":                     "NFKC",
		"𝐀𝐜𝐦𝐞":                     "NFKC",
		"ﬁle":                      "NFKC",
		"e\u0301x":                 "NFKC",
		"a\u0316\u0317\u0318":      "too many",
		"\u0316a":                  "without a letter",
		"٣ab":                      `'٣'`,
	} {
		if err := CheckName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: the error is %v, not %s", name, err, want)
		}
	}
}

// TestLookAlikes: names that people take for the same collide.
func TestLookAlikes(t *testing.T) {
	for _, names := range [][]string{
		{"Acme Inbox", "ACME inbox", "AcmeInbox", "Acme-Inbox", "Acme lnbox", "Acme 1nbox", "Ácmé Inbox", "Acme_Inbox!"},
		{"Modern", "Modem", "Modërn"},
		{"Scope", "Ѕсоре"},
		{"Book", "B00k", "Воок", "Bøøk"},
		{"ロボ", "口ボ"},
	} {
		for _, name := range names[1:] {
			if skeleton(name) != skeleton(names[0]) {
				t.Errorf("%q and %q are %q and %q", names[0], name, skeleton(names[0]), skeleton(name))
			}
		}
	}
	different := map[string]string{}
	for _, name := range []string{"C", "C++", "C#", "Inbox", "Outbox", "Inbox 2", "Inbox 3", "Почта", "Почты"} {
		if other, twice := different[skeleton(name)]; twice {
			t.Errorf("%q and %q collide", name, other)
		}
		different[skeleton(name)] = name
	}
}

func TestNamesThatNoAppHas(t *testing.T) {
	for _, name := range []string{"Stack Overflow", "StackOverfIow", "stack-exchange", "Unlisted", "DSS", "Stаck Apps"} {
		if checkTaken(skeleton(name)) == nil {
			t.Errorf("%q is taken", name)
		}
	}
	for _, name := range []string{"Stack Overflow Inbox", "Inbox for Stack Exchange"} {
		if err := checkTaken(skeleton(name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
