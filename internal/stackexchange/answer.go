package stackexchange

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// object is a JSON object. Unlike a struct it tells names apart by case.
type object map[string]json.RawMessage

// answer is what upstream said. Its fields are nil if that was no JSON object.
type answer struct {
	status int
	fields object
}

func read(response *http.Response) (answer, error) {
	body, err := unpack(response)
	if err != nil {
		return answer{}, err
	}
	return answer{response.StatusCode, parseObject(body)}, nil
}

// unpack bounds both sides of the compression: the bytes that come in, as
// empty gzip members have none behind them, and those they unpack to.
func unpack(response *http.Response) ([]byte, error) {
	var body io.Reader = io.LimitReader(response.Body, maxAnswer+1)
	switch response.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = io.LimitReader(unpacked, maxAnswer+1)
	default:
		return nil, unavailable("the answer has an unknown encoding")
	}
	plain, err := io.ReadAll(body)
	switch {
	case err != nil:
		return nil, err
	case len(plain) > maxAnswer:
		return nil, unavailable("the answer is too large")
	}
	return plain, nil
}

// parseObject returns nil for what is no object.
func parseObject(text []byte) object {
	var o object
	if json.Unmarshal(text, &o) != nil {
		return nil
	}
	return o
}

// text returns a field that is a string, or "".
func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

// unexpected is the error for an answer that fits nothing.
func (a answer) unexpected() error {
	if a.fields == nil {
		return unavailable(fmt.Sprintf("status %d, and no JSON object", a.status))
	}
	return unavailable(fmt.Sprintf("status %d, and JSON that makes no sense", a.status))
}
