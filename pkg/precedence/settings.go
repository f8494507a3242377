package precedence

import "slices"

// Settings are wanted values by key. A key that is not in the map is left alone; one with an empty value is taken out.
type Settings map[Key]Value

// Keys returns the keys in reporting order.
func (s Settings) Keys() []Key {
	return slices.DeleteFunc(Keys(), func(k Key) bool { _, ok := s[k]; return !ok })
}

// HasCredentials reports whether any wanted value holds a user or password.
func (s Settings) HasCredentials() bool {
	for _, v := range s {
		if v.HasCredentials() {
			return true
		}
	}
	return false
}

// HasValue reports whether any setting is to be set, not taken out.
func (s Settings) HasValue() bool {
	for _, v := range s {
		if v != "" {
			return true
		}
	}
	return false
}
