package daemon

import "os"

// ballastSize is by how much a small heap may grow before the garbage collector
// runs. Twice as much saves nothing more.
const ballastSize = 16 << 20

// newBallast returns memory that nothing uses. The garbage collector runs when the
// heap has doubled, but the heap of a server with few entries is so small that this
// would be after 3 MiB, many times a second. The ballast counts as heap and takes no
// memory from the system, because nothing touches its pages. It changes little
// where the heap is large: there a greater GOGC would multiply it.
//
// Call it before anything is allocated and freed: then the ballast is fresh from the
// system, and nothing has to clear it. It is nil, and leaves the collector alone, if
// the environment configures that.
func newBallast() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, ballastSize)
}
