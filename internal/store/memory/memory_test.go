package memory_test

import (
	"testing"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

func TestStore(t *testing.T) { storetest.Run(t, open) }

func TestModel(t *testing.T) { storetest.Model(t, open, 4000) }

func open(t *testing.T) sealed.Store {
	s := memory.New(store.Limits{MaxEntries: storetest.MaxEntries, MaxBytes: storetest.MaxBytes})
	go s.Run(t.Context())
	return s
}
