package text

// category is a plural category of Unicode's CLDR.
type category string

const (
	one   category = "one"
	few   category = "few"
	many  category = "many"
	other category = "other"
)

// plural is how a language counts: the categories that it has, and which of them
// a whole number of zero or more is in.
type plural struct {
	categories []category
	choose     func(n int) category
}

// The rules, from https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html.
var (
	oneOther = plural{[]category{one, other}, func(n int) category {
		if n == 1 {
			return one
		}
		return other
	}}
	spanish = plural{[]category{one, many, other}, func(n int) category {
		switch {
		case n == 1:
			return one
		case n != 0 && n%1_000_000 == 0:
			return many
		}
		return other
	}}
	portuguese = plural{[]category{one, many, other}, func(n int) category {
		switch {
		case n <= 1:
			return one
		case n%1_000_000 == 0:
			return many
		}
		return other
	}}
	// russian has other for fractions only.
	russian = plural{[]category{one, few, many, other}, func(n int) category {
		teen := n%100 >= 11 && n%100 <= 14
		switch {
		case n%10 == 1 && !teen:
			return one
		case n%10 >= 2 && n%10 <= 4 && !teen:
			return few
		}
		return many
	}}
	alwaysOther = plural{[]category{other}, func(int) category { return other }}
)
