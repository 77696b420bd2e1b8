package django

// A filter makes a value of a value. It pays for what it reads and makes (limit.go).
type filter struct {
	do    func(r *run, in, arg any) any
	takes argument
}

// An argument is what a filter wants behind its colon.
type argument int

const (
	none argument = iota
	optional
	needed
	layout // of a date; optional
)

// filters are the filters that there are.
var filters = map[string]*filter{ //nolint:gochecknoglobals // a constant, but for the language
	"add":                {add, needed},
	"addslashes":         {addslashes, none},
	"capfirst":           {capfirst, none},
	"center":             {center, needed},
	"cut":                {cut, needed},
	"date":               {date, layout},
	"default":            {defaultTo, needed},
	"default_if_none":    {defaultIfNone, needed},
	"dictsort":           {dictsort, needed},
	"dictsortreversed":   {dictsortreversed, needed},
	"divisibleby":        {divisibleby, needed},
	"escape":             {escape, none},
	"escapejs":           {escapejs, none},
	"escapeseq":          {escapeseq, none},
	"filesizeformat":     {filesizeformat, none},
	"first":              {first, none},
	"fix_ampersands":     {fixAmpersands, none},
	"floatformat":        {floatformat, optional},
	"force_escape":       {forceEscape, none},
	"format_integer":     {formatInteger, none},
	"format_number":      {formatNumber, none},
	"get_digit":          {getDigit, needed},
	"intcomma":           {intcomma, none},
	"iriencode":          {iriencode, none},
	"join":               {join, needed},
	"json":               {jsonString, none},
	"last":               {last, none},
	"length":             {length, none},
	"length_is":          {lengthIs, needed},
	"linebreaks":         {linebreaks, none},
	"linebreaksbr":       {linebreaksbr, none},
	"linenumbers":        {linenumbers, none},
	"ljust":              {ljust, needed},
	"localtime":          {localtime, none},
	"lower":              {lower, none},
	"make_list":          {makeList, none},
	"phone2numeric":      {phone2numeric, none},
	"pluralize":          {pluralize, optional},
	"pprint":             {pprint, none},
	"random":             {first, none}, // a mail that is sent again has to be the same
	"removetags":         {removetags, needed},
	"rjust":              {rjust, needed},
	"safe":               {same, none}, // what comes from the data stays what it is
	"safeseq":            {same, none},
	"slice":              {slice, needed},
	"slugify":            {slugify, none},
	"stringformat":       {stringformat, needed},
	"striptags":          {striptags, none},
	"time":               {timeOfDay, layout},
	"timesince":          {timesince, optional},
	"timeuntil":          {timeuntil, optional},
	"title":              {title, none},
	"truncatechars":      {truncatechars, needed},
	"truncatechars_html": {truncatecharsHTML, needed},
	"truncatewords":      {truncatewords, needed},
	"truncatewords_html": {truncatewordsHTML, needed},
	"unordered_list":     {unorderedList, none},
	"upper":              {upper, none},
	"urlencode":          {urlencode, optional},
	"urlize":             {urlize, none},
	"urlizetrunc":        {urlizetrunc, needed},
	"utc":                {utc, none},
	"wordcount":          {wordcount, none},
	"wordwrap":           {wordwrap, needed},
	"yesno":              {yesno, optional},
}

func same(_ *run, in, _ any) any { return in }

// given is the text of an argument, or what is usual if there is none.
func (r *run) given(arg any, usual string) string {
	if _, missing := arg.(absent); missing {
		return usual
	}
	return r.text(arg)
}

func defaultTo(_ *run, in, arg any) any {
	if truth(in) {
		return in
	}
	return arg
}

func defaultIfNone(_ *run, in, arg any) any {
	if in == nil {
		return arg
	}
	return in
}
