package web

import "time"

// EndView is how a sign-in went, as far as the server knows.
type EndView string

// The views of the page about the end of a sign-in.
const (
	EndWaiting    EndView = "waiting"     // the app has not picked it up yet
	EndLate       EndView = "late"        // the same, for longer than LateAfter
	EndFinished   EndView = "finished"    // the app has it
	EndSent       EndView = "sent"        // handed over; what follows cannot be seen from this browser
	EndExpired    EndView = "expired"     // the app did not pick it up in time
	EndOver       EndView = "over"        // the code that the user has decided on is not valid any more
	EndContended  EndView = "contended"   // another answer came for the same sign-in, and neither counts
	EndRejected   EndView = "rejected"    // Stack Exchange did not take its own code
	EndRefused    EndView = "refused"     // the user said no at Stack Exchange
	EndTrouble    EndView = "trouble"     // Stack Exchange cannot sign users in now
	EndTurnedAway EndView = "turned_away" // Stack Exchange does not accept the app, or what it asks for
	EndDeclined   EndView = "declined"    // the user stopped it; there was nothing to end
	EndUnused     EndView = "unused"      // the same, and the code is left to die
	EndEnded      EndView = "ended"       // the same, and the access has been ended
	EndUnended    EndView = "unended"     // the same, and the access may not have ended
	EndNothing    EndView = "nothing"     // there is nothing to say
)

// LateAfter is how long an app may take before the page says that it has not picked
// the answer up yet. An app that asks its user first takes longer.
const LateAfter = 20 * time.Second

// EndData is what the page about the end of a sign-in shows. Its script asks the
// page's own address what has changed.
type EndData struct {
	Frame
	View              EndView
	App               App
	Follow            bool   // the script asks on
	Minutes           int    // until the sign-in ends; 0 if that is not known
	Receipt           string // to stop the sign-in with; "" if it cannot be stopped here
	AuthorizedAppsURL string // where the user revokes what an app may do
	Address           string // what the page's script leaves in the address bar; "" is the path
}

// followed are the views that the script of a page can lead to.
var followed = []EndView{
	EndWaiting, EndLate, EndFinished, EndExpired, EndContended, EndRejected, EndDeclined,
	EndUnused, EndEnded, EndUnended, EndSent,
}

// Views are those in the page, of which all but View are hidden.
func (d EndData) Views() []EndView {
	if d.Follow {
		return followed
	}
	return []EndView{d.View}
}

// As returns the same in another view.
func (d EndData) As(view EndView) EndData {
	d.View = view
	return d
}

// Stopped reports whether the user has stopped the sign-in.
func (d EndData) Stopped() bool {
	switch d.View {
	case EndDeclined, EndUnused, EndEnded, EndUnended:
		return true
	}
	return false
}

func (EndData) template() string  { return "end.html" }
func (d EndData) in(f Frame) Page { d.Frame = f; return d }
