package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	longestBrand  = 80       // characters of a product's name
	mostLogo      = 64 << 10 // bytes of an image
	mostAncestors = 20
	logoPath      = "/v1/logos/"
)

// logoPolicy lets an image that a browser opens by itself do nothing: an SVG can hold
// scripts and links.
const logoPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// hostName is a name as origins have it: an internationalized one in its ASCII form.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// A brand is how the page looks for somebody.
type brand struct {
	Name       string `json:"name,omitzero" doc:"Of the product. Absent: Switchhook."`
	Logo       string `json:"logo,omitzero" doc:"Path of an image. Absent: Switchhook's own."`
	Accent     string `json:"accent,omitzero" doc:"A colour, #rrggbb."`
	AccentDark string `json:"accent_dark,omitzero" doc:"The same where the page is dark. Absent: accent."`
}

func (a *api) registerBrand() {
	a.mux.HandleFunc("GET "+logoPath+"{id}", a.serveLogo)
	images := map[string]*huma.MediaType{}
	for _, mediaType := range append(rasters(), "image/svg+xml") {
		images[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	a.document(huma.Operation{
		OperationID: "get-logo", Method: http.MethodGet, Path: logoPath + "{id}", Tags: []string{"Sign-in"}, Summary: "A logo",
		Description: "The image that an account's portal.logo names, for whoever has its path.", Security: []map[string][]string{{}},
		Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Description: "As in portal.logo.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:  map[string]*huma.Response{"200": {Description: "The image", Content: images}},
	})
}

// portal is how the page is for an account: what it does not set itself is as above it.
func (t *tenants) portal(account string) (p switchhook.Portal) {
	for acc := t.accounts[account]; acc != nil; acc = t.accounts[acc.ParentID] {
		p.Inherit(acc.Portal)
	}
	return p
}

func (t *tenants) brand(account string) brand {
	p := t.portal(account)
	return brand{p.Name, logoAt(p.Logo), p.Accent, p.AccentDark}
}

// logoAt is where a logo is served; no logo is nowhere. The path is made of what the image
// is, so it can be kept for ever, and is known to those who were told of it.
func logoAt(logo string) string {
	if logo == "" {
		return ""
	}
	h := sha256.Sum256([]byte(logo))
	return logoPath + hex.EncodeToString(h[:16])
}

// shownPortal is a portal with the logo's path in its place.
func shownPortal(p *switchhook.Portal) *switchhook.Portal {
	if p == nil {
		return nil
	}
	shown := *p
	shown.Logo = logoAt(p.Logo)
	return &shown
}

// setPortal gives an account a portal. A logo's path in it stands for the logo that the
// account has.
func setPortal(acc *switchhook.Account, in *switchhook.Portal) error {
	if in == nil {
		acc.Portal = nil
		return nil
	}
	p := *in
	var wrong []switchhook.FieldError
	bad := func(field, message string) {
		wrong = append(wrong, switchhook.FieldError{Field: "portal." + field, Message: message})
	}
	if utf8.RuneCountInString(p.Name) > longestBrand {
		bad("name", "expected at most "+strconv.Itoa(longestBrand)+" characters")
	}
	if acc.Portal != nil && p.Logo == logoAt(acc.Portal.Logo) {
		p.Logo = acc.Portal.Logo
	} else if p.Logo != "" {
		if _, _, problem := readLogo(p.Logo); problem != "" {
			bad("logo", problem)
		}
	}
	for field, text := range map[string]*string{"accent": &p.Accent, "accent_dark": &p.AccentDark} {
		if *text = strings.ToLower(*text); *text != "" && !colour.MatchString(*text) {
			bad(field, "expected a colour such as #0a7cff")
		}
	}
	if len(p.FrameAncestors) > mostAncestors {
		bad("frame_ancestors", "expected at most "+strconv.Itoa(mostAncestors)+" entries")
	}
	p.FrameAncestors = nil
	for i, text := range in.FrameAncestors {
		origin, ok := readOrigin(text)
		if !ok {
			bad("frame_ancestors["+strconv.Itoa(i)+"]", "expected the origin of a page, such as https://portal.example.com; http only on localhost and 127.0.0.1")
		}
		p.FrameAncestors = append(p.FrameAncestors, origin)
	}
	slices.SortFunc(wrong, func(a, b switchhook.FieldError) int { return strings.Compare(a.Field, b.Field) })
	acc.Portal = &p
	if p.Name == "" && p.Logo == "" && p.Accent == "" && p.AccentDark == "" && p.FrameAncestors == nil {
		acc.Portal = nil
	}
	return invalid(wrong)
}

// readLogo reads a data: URI (RFC 2397) of an image that browsers show. What it says that
// it is, it must be.
func readLogo(logo string) (mediaType string, image []byte, problem string) {
	const expected = "expected a data: URI of a PNG, JPEG, WebP, GIF or SVG in base64, such as data:image/png;base64,…"
	rest, isData := strings.CutPrefix(logo, "data:")
	mediaType, encoded, isBase64 := strings.Cut(rest, ";base64,")
	if !isData || !isBase64 {
		return "", nil, expected
	}
	if len(encoded) > base64.StdEncoding.EncodedLen(mostLogo) {
		return "", nil, "expected an image of at most 64 KiB"
	}
	image, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", nil, expected
	}
	switch isRaster, isSVG := slices.Contains(rasters(), mediaType), mediaType == "image/svg+xml"; {
	case !isRaster && !isSVG:
		return "", nil, expected
	case isRaster && http.DetectContentType(image) != mediaType, isSVG && !beginsAsSVG(image):
		return "", nil, "is no " + mediaType
	}
	return mediaType, image, ""
}

// rasters are the images of pixels that all browsers show.
func rasters() []string { return []string{"image/png", "image/jpeg", "image/webp", "image/gif"} }

func beginsAsSVG(image []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(image))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local == "svg"
		}
	}
}

// readOrigin reads an origin that may embed the page, as a Content-Security-Policy has it:
// there is nothing in it that could end a source or a directive.
func readOrigin(text string) (origin string, ok bool) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Scheme+"://"+u.Host != strings.TrimSuffix(text, "/") {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	if !hostName.MatchString(host) || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(host)) {
		return "", false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", false
		}
		host = net.JoinHostPort(host, port)
	}
	return u.Scheme + "://" + host, !strings.HasSuffix(u.Host, ":")
}

// isLoopback reports whether a host is this machine, whose pages browsers trust as those
// of HTTPS.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (a *api) serveLogo(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	logo, ok := a.tenants.Load().logos[logoPath+id]
	if !ok {
		a.fail(w, r, notFound("logo", id))
		return
	}
	mediaType, image, _ := readLogo(logo) // it was read when it was set
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Security-Policy", logoPolicy)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(image)
}

// FrameAncestors are the origins whose pages may have the page in a frame that a request
// asks for: those of the account of its session, if that was begun by a portal link that
// is for a frame. It is for requests that come through the API's handler to Options.Web.
func FrameAncestors(r *http.Request) []string {
	ex, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	return ex.api.embedders(r)
}

// embedders are the origins whose pages may have in a frame what a request asks for.
func (a *api) embedders(r *http.Request) []string {
	cookie, framed := cookieOf(r)
	if !framed {
		return nil
	}
	c, ok := a.holder(cookie)
	if !ok {
		return nil
	}
	return c.portal(c.account).FrameAncestors
}
