//go:build inhost && linux

package target_test

func hang(string)        {}
func swapForever(string) {}
