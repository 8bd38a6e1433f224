package daemon

import (
	"os"
	"runtime"
	"runtime/debug"
)

// ballastSize is by how much a small heap may grow before the garbage collector
// runs. Twice as much saves nothing more.
const ballastSize = 16 << 20

// The collector's percentages (GOGC): the usual one, and that of a start, with which
// it runs at 20 MiB for the first time, and not at 4 as usual. The ballast alone has 16.
const usualPercent, startPercent = 100, 500

// newBallast returns memory that nothing uses. The garbage collector runs when the
// heap has doubled, but the heap of a server with few entries is so small that this
// would be after 3 MiB, many times a second. The ballast counts as heap and takes no
// memory from the system, because nothing touches its pages. It changes little
// where the heap is large: there a greater GOGC would multiply it. Only until the first
// collection it is greater, since the ballast would have the collector run at once,
// which takes a tenth of a start.
//
// Call it before anything is allocated and freed: then the ballast is fresh from the
// system, and nothing has to clear it. It is nil, and leaves the collector alone, if
// the environment configures that.
func newBallast() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(startPercent)
	firstCollection := new([64]byte) // large enough to be collected by itself
	runtime.AddCleanup(firstCollection, func(percent int) { debug.SetGCPercent(percent) }, usualPercent)
	return make([]byte, ballastSize)
}
