package keystore

// Digest seals bytes as a JKS file is sealed.
func Digest(password string, data []byte) []byte { return jksDigest(password, data) }
