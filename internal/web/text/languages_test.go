package text

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// some languages, without texts.
func some(tags ...string) (all Languages) {
	for _, tag := range tags {
		all = append(all, newLanguage(tag, tag, "ltr", oneOther, nil))
	}
	return all
}

func tag(l *Language) string {
	if l == nil {
		return ""
	}
	return l.Tag
}

func TestAccepted(t *testing.T) {
	all := some("en", "es", "ja", "pt-BR", "ru")
	for header, want := range map[string]string{
		"":                                    "",
		"*":                                   "",
		"de, fr;q=0.9":                        "",
		"de, en;q=0.5":                        "en",
		"es":                                  "es",
		"es-MX,en;q=0.9":                      "es",
		"PT-br":                               "pt-BR",
		"pt-PT, en;q=0.8":                     "pt-BR",
		"ru;q=0.3, ja;q=0.8":                  "ja",
		"ru ; q=0.3 , ja;q=0.8":               "ja",
		"en;q=0, es;q=0.1":                    "es",
		"en;q=0":                              "",
		"ru;q=x, es;q=0.1":                    "es",
		"ru;q=2, es;q=0.1":                    "es",
		"ru;q=-1":                             "",
		"es, ru":                              "es",
		"esperanto":                           "",
		"pt":                                  "pt-BR",
		"pt-PT,pt;q=0.9,en-US;q=0.8,en;q=0.7": "pt-BR",
		"es-419,es;q=0.9,en;q=0.8":            "es",
		"uk,ru-UA;q=0.9":                      "ru",
		"ja-JP":                               "ja",
		"ja-Hira-JP-u-ca-japanese":            "ja",
		"zh":                                  "",
		"zh-Hant-TW, zh;q=0.9, en-GB;q=0.9":   "en",
		"en-GB;q=0.9, es;Q=0.95":              "es",
		"*, ru;q=0.1":                         "ru",
		"es;q=NaN, ru;q=0.1":                  "ru",
		strings.Repeat("de,", 100) + "es":     "",
		"es;q=" + strings.Repeat("9", 1<<10):  "",
		strings.Repeat("-", 1<<12) + ",;,;q=": "",
	} {
		if got := tag(all.Accepted(header)); got != want {
			t.Errorf("%.40q: %q, not %q", header, got, want)
		}
	}
}

func TestFirst(t *testing.T) {
	all := some("en", "es", "pt-BR")
	for tags, want := range map[string]string{
		"": "", "de": "", "de es en": "es", "pt": "pt-BR", "fr-CA  en-GB": "en", "pt_BR": "", "EN": "en",
		"zh-TW es-MX": "es", "pt-PT en": "pt-BR",
	} {
		if got := tag(all.First(tags)); got != want {
			t.Errorf("%q: %q, not %q", tags, got, want)
		}
	}
}

func TestLocale(t *testing.T) {
	all := append(some("pt-BR", "es"), English)
	for _, c := range []struct{ all, messages, lang, want string }{
		{"", "", "pt_BR.UTF-8", "pt-BR"},
		{"", "es_ES@euro", "pt_BR.UTF-8", "es"},
		{"C.UTF-8", "", "es_MX.UTF-8", "en"},
		{"", "", "", "en"},
		{"", "", "POSIX", "en"},
		{"", "", ".@", "en"},
	} {
		getenv := func(name string) string {
			return map[string]string{"LC_ALL": c.all, "LC_MESSAGES": c.messages, "LANG": c.lang}[name]
		}
		if got := tag(all.Locale(getenv)); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestJapaneseHeadlinesBreakBetweenPhrases: engines that know no phrases break the lines
// of headlines and labels at U+200B only, and at a space.
func TestJapaneseHeadlinesBreakBetweenPhrases(t *testing.T) {
	read, err := files.ReadFile("ja.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(read, &texts); err != nil {
		t.Fatal(err)
	}
	of := regexp.MustCompile(`\.title(\.unknown)?$|^register\.(need|platform)\.|^register\.choose\.(needs|platform)$`)
	for name, text := range texts {
		if !of.MatchString(name) {
			continue
		}
		for _, phrase := range strings.FieldsFunc(text.(string), func(r rune) bool { return r == '\u200b' || r == ' ' }) {
			if n := utf8.RuneCountInString(WithoutBreaks(phrase)); n > 13 {
				t.Errorf("%s has a phrase of %d characters: %s", name, n, phrase)
			}
		}
	}
}
