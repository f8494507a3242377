//go:build !linux

package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

func run(context.Context, io.Writer, options) error {
	return fmt.Errorf("every measurement needs a booted Linux test host, which cannot be made on %s; nothing was measured", runtime.GOOS)
}
