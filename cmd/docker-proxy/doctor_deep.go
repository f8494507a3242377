package main

import (
	"context"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// lookDeep asks dockerd and systemd themselves about the files as they stand.
func (v *view) lookDeep(ctx context.Context, a *app) error {
	found, notes, err := v.obs.Deep(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		f.Message = a.redactor.Text(f.Message)
		v.extra = append(v.extra, f)
	}
	for _, n := range notes {
		v.notes = append(v.notes, a.redactor.Text(redact.Terminal(n)))
	}
	return nil
}
