// Package scripted is a browser without a screen, for tests: it follows
// redirects, keeps cookies, and presses the buttons of DSS's pages and of the
// sandbox's.
package scripted

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxPages bounds how many pages a sign-in may take.
const maxPages = 10

// Browser keeps cookies, as browsers do. It is not safe for concurrent use.
type Browser struct {
	// Visited are the addresses of all requests so far.
	Visited []string
	// ForwardedFor, if set, is the address that a proxy says each request
	// comes from.
	ForwardedFor string
	// Transport, if set, takes the place of [http.DefaultTransport].
	Transport http.RoundTripper

	client *http.Client
}

// New returns a browser without cookies.
func New() *Browser {
	jar, _ := cookiejar.New(nil) // never fails
	b := &Browser{}
	b.client = &http.Client{Jar: jar, Transport: b, Timeout: time.Minute}
	return b
}

// RoundTrip implements [http.RoundTripper].
func (b *Browser) RoundTrip(r *http.Request) (*http.Response, error) {
	b.Visited = append(b.Visited, r.URL.String())
	if b.ForwardedFor != "" {
		r.Header.Set("X-Forwarded-For", b.ForwardedFor)
	}
	if b.Transport != nil {
		return b.Transport.RoundTrip(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Page is what the browser shows.
type Page struct {
	URL    *url.URL
	Status int
	Body   string
}

// User is what a user wants: on each page they press the first of these buttons
// that it has.
type User []string

// The users.
var (
	Approves = User{"continue", "approve", "finish"}
	Denies   = User{"continue", "deny", "finish"}           // at Stack Exchange
	Cancels  = User{"decline", "approve", "cancel", "stop"} // on DSS's page
)

// Visit opens an address, presses what the user wants until a page has no such
// button, and returns that page.
func (b *Browser) Visit(address string, user User) (Page, error) {
	page, err := b.Open(address)
	for range maxPages {
		if err != nil {
			return page, err
		}
		i := slices.IndexFunc(user, page.Has)
		if i < 0 {
			return page, nil
		}
		page, err = b.Press(page, user[i])
	}
	return page, fmt.Errorf("no end after %d pages", maxPages)
}

// Open fetches an address.
func (b *Browser) Open(address string) (Page, error) {
	return b.show(b.client.Get(address))
}

var (
	hiddenPattern = regexp.MustCompile(`(?s)<section[^>]*\shidden>.*?</section>`)
	formPattern   = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	actionPattern = regexp.MustCompile(`<form[^>]*\saction="([^"]*)"`)
	inputPattern  = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*>`)
	namePattern   = regexp.MustCompile(`\sname="([^"]*)"`)
	valuePattern  = regexp.MustCompile(`\svalue="([^"]*)"`)
)

// Has reports whether there is a button for a decision on the page.
func (p Page) Has(decision string) bool { return p.form(decision) != "" }

func (p Page) form(decision string) string {
	body := p.Body
	if p.URL.Fragment == "" { // with one, the page's script shows what fits
		body = hiddenPattern.ReplaceAllString(body, "")
	}
	for _, form := range formPattern.FindAllString(body, -1) {
		if strings.Contains(form, `value="`+decision+`"`) {
			return form
		}
	}
	return ""
}

// Press submits the form with the button for a decision.
func (b *Browser) Press(p Page, decision string) (Page, error) {
	form := p.form(decision)
	if form == "" {
		return p, fmt.Errorf("no button %q on %s", decision, p.URL)
	}
	// What the page's script does with a response in the fragment.
	values, err := url.ParseQuery(p.URL.EscapedFragment())
	if err != nil {
		return p, err
	}
	values.Set("decision", decision)
	return b.submit(p, form, values)
}

// Type submits the form that has a field of this name, with the value.
func (b *Browser) Type(p Page, field, value string) (Page, error) {
	for _, form := range formPattern.FindAllString(p.Body, -1) {
		if strings.Contains(form, ` name="`+field+`"`) {
			return b.submit(p, form, url.Values{field: {value}})
		}
	}
	return p, fmt.Errorf("no field %q on %s", field, p.URL)
}

// submit posts a form with its hidden fields besides values.
func (b *Browser) submit(p Page, form string, values url.Values) (Page, error) {
	for _, input := range inputPattern.FindAllString(form, -1) {
		values.Set(attribute(namePattern, input), attribute(valuePattern, input))
	}
	target, err := p.URL.Parse(attribute(actionPattern, form))
	if err != nil {
		return p, err
	}
	request, err := http.NewRequest(http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return p, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.show(b.client.Do(request))
}

func attribute(pattern *regexp.Regexp, tag string) string {
	if match := pattern.FindStringSubmatch(tag); match != nil {
		return html.UnescapeString(match[1])
	}
	return ""
}

func (b *Browser) show(response *http.Response, err error) (Page, error) {
	if err != nil {
		return Page{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return Page{response.Request.URL, response.StatusCode, string(body)}, err
}
