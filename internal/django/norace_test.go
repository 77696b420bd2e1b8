//go:build !race

package django

const raced = false
