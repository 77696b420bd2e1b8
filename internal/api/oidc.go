package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const oidcPath = "/signin/oidc"

func (a *api) registerOIDC() {
	tags := []string{"Sign-in"}
	a.mux.HandleFunc("GET "+oidcPath, a.beginOIDC)
	a.mux.HandleFunc("GET "+oidcPath+"/callback", a.finishOIDC)
	param := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	a.document(huma.Operation{
		OperationID: "begin-oidc", Method: http.MethodGet, Path: oidcPath, Tags: tags, Summary: "Sign in at the OpenID provider", Security: []map[string][]string{{}},
		Description: "Where a browser is sent, which is sent on to the provider. 404 where there is none.",
		Parameters:  []*huma.Param{param("return", "The path of our page to come back to. Default: /.")},
		Responses:   map[string]*huma.Response{"303": {Description: "To the provider, with a cookie that binds the sign-in to the browser"}},
	})
	a.document(huma.Operation{
		OperationID: "finish-oidc", Method: http.MethodGet, Path: oidcPath + "/callback", Tags: tags, Summary: "Come back from the OpenID provider", Security: []map[string][]string{{}},
		Description: "Where the provider sends the browser: its redirect URI. Only users that there are come in; a page says it to all others.",
		Parameters:  []*huma.Param{param("code", "From the provider."), param("state", "As it was sent there."), param("error", "Why the provider did not let somebody in."), param("error_description", "The same in words."), param("iss", "Which provider it is (RFC 9207).")},
		Responses:   map[string]*huma.Response{"303": {Description: "To the page, with the session's cookie"}},
	})
}

func (a *api) beginOIDC(w http.ResponseWriter, r *http.Request) {
	a.failPage(w, r, switchhook.Errorf(switchhook.CodeNotFound, "this server has no OpenID provider to sign in at"))
}

func (a *api) finishOIDC(w http.ResponseWriter, r *http.Request) {
	a.failPage(w, r, switchhook.Errorf(switchhook.CodeNotFound, "this server has no OpenID provider to sign in at"))
}
