package apps

import "slices"

// seen is what may be there only once, with the line of its app, or of its name.
type seen struct{ ids, names, receivers map[string]int }

func newSeen() seen { return seen{map[string]int{}, map[string]int{}, map[string]int{}} }

func (s seen) check(p *parser, e *entry) {
	s.checkIDs(p, e)
	s.checkName(p, e)
	for _, target := range e.RedirectURIs {
		receiver := target.receiver()
		if first, twice := s.receivers[receiver]; twice && first != e.line {
			p.problem(e.lines["redirect_uris"].first, "redirect_uris: %s leads to the app in line %d, too",
				quote(target.URI), first)
		}
		s.receivers[receiver] = e.line
	}
}

func (s seen) checkIDs(p *parser, e *entry) {
	ids := slices.Compact([]string{e.ClientID, e.AppID})
	for _, id := range ids {
		if id == "" {
			continue
		}
		if first, twice := s.ids[id]; twice {
			p.problem(e.line, "the app in line %d has the id %s, too", first, id)
		} else {
			s.ids[id] = e.line
		}
	}
}

func (s seen) checkName(p *parser, e *entry) {
	if e.Name == "" {
		return
	}
	folded := skeleton(e.Name)
	if err := checkTaken(folded); err != nil {
		p.problem(e.lines["name"].first, "name: %v", err)
	}
	if first, twice := s.names[folded]; twice {
		p.problem(e.lines["name"].first, "name: %q looks like the name in line %d", e.Name, first)
	} else {
		s.names[folded] = e.lines["name"].first
	}
}
