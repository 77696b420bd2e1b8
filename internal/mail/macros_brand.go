package mail

import (
	"math"
	"regexp"
	"strconv"
)

// The accents of mails without a brand of their own: in each the text on it can be read.
const (
	accent     = "#1f5fd6"
	accentDark = "#7aa7ff"
)

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// macros are the brand's. Colours go into styles, so only colours are let through, and
// each comes with the one of black and white that can be read on it.
func (b *Brand) macros() group {
	g := group{}
	g.set("name", b.Name)
	if b.Logo {
		g.set("logo", true)
	}
	light, dark := b.Accent, b.AccentDark
	if !colour.MatchString(light) {
		light = accent
		if !colour.MatchString(dark) {
			dark = accentDark
		}
	}
	if !colour.MatchString(dark) {
		dark = light
	}
	g.set("accent", light)
	g.set("accent_text", readable(light))
	g.set("accent_dark", dark)
	g.set("accent_dark_text", readable(dark))
	return g
}

// readable is the colour of text on a background: the one with more contrast.
func readable(background string) string {
	const white, black = "#ffffff", "#10131a"
	l := luminance(background)
	if 1.05/(l+0.05) >= (l+0.05)/(luminance(black)+0.05) {
		return white
	}
	return black
}

// luminance is that of WCAG 2.2 (relative luminance), of a colour #rrggbb.
func luminance(c string) float64 {
	channel := func(hex string) float64 {
		n, _ := strconv.ParseUint(hex, 16, 8) // the caller has matched it
		v := float64(n) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(c[1:3]) + 0.7152*channel(c[3:5]) + 0.0722*channel(c[5:7])
}
