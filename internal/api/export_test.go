package api

// WithoutSecrets is what answers show of options.
var WithoutSecrets = withoutSecrets
