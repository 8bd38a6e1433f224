package web

// Result is how a sign-in went whose response a listener on the user's machine has
// read.
type Result string

// The results.
const (
	ResultDone   Result = "done"
	ResultDenied Result = "denied" // by the user, at Stack Exchange
	ResultFailed Result = "failed"
)

// ResultData is what the page about a result shows. It is the same for all sign-ins.
type ResultData struct {
	Frame
	Result Result
}

func (ResultData) template() string  { return "result.html" }
func (d ResultData) in(f Frame) Page { d.Frame = f; return d }
