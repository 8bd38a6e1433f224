package daemon

import (
	"context"

	"github.com/desktop-stack-serv/dss/internal/contract"
)

// CheckUpstream compares the Stack Exchange of the settings with a contract. It
// returns a [SettingError] if its URLs cannot be used.
func CheckUpstream(ctx context.Context, settings Settings, c *contract.Contract) (contract.Report, error) {
	p := &plan{Settings: settings}
	if err := p.checkUpstream(); err != nil {
		return contract.Report{}, err
	}
	return contract.Check(ctx, c, contract.Upstream{BaseURL: p.signIn, APIURL: p.api}), nil
}
