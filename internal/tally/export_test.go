package tally

// Gather is what Run does every ten seconds.
func Gather(t *Tally) { t.gather() }
