package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of events per time: that many at once, and that many more
// in each such time. The zero value is no limit.
type Rate struct {
	N   int64
	Per time.Duration
}

const (
	maxPer   = 24 * time.Hour
	maxCount = 1_000_000_000
)

var errRate = errors.New("write a rate such as 600/1m, a number per time of 1s to 24h, or off")

// ParseRate reads a rate such as 600/1m. off is the zero value.
func ParseRate(text string) (Rate, error) {
	if text == "off" {
		return Rate{}, nil
	}
	number, per, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > maxCount {
		return Rate{}, errRate
	}
	d, err := time.ParseDuration(per)
	if err != nil || d < time.Second || d > maxPer {
		return Rate{}, errRate
	}
	return Rate{n, d}, nil
}

// String is what [ParseRate] reads.
func (r Rate) String() string {
	if r.N == 0 {
		return "off"
	}
	per := r.Per.String()
	for _, zero := range []string{"m0s", "h0m"} { // 1m0s is 1m
		if strings.HasSuffix(per, zero) {
			per = per[:len(per)-len(zero)+1]
		}
	}
	return fmt.Sprintf("%d/%s", r.N, per)
}

// Set implements flag.Value.
func (r *Rate) Set(text string) (err error) {
	*r, err = ParseRate(text)
	return err
}
