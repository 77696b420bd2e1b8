package django

// tags are the tags that there are, by name. Those that end or divide another are read by it.
func tags() map[string]tagParser {
	return map[string]tagParser{
		"autoescape":     parseAutoescape,
		"blocktrans":     parseBlocktrans,
		"blocktranslate": parseBlocktrans,
		"comment":        parseComment,
		"cycle":          parseCycle,
		"endregroup":     parseNothing, // ErlyDTL has it, Django has not
		"filter":         parseFilter,
		"firstof":        parseFirstof,
		"for":            parseFor,
		"if":             parseIf,
		"ifchanged":      parseIfchanged,
		"ifequal":        parseIfequal,
		"ifnotequal":     parseIfequal,
		"language":       parseLanguage,
		"load":           parseNothing,
		"now":            parseNow,
		"regroup":        parseRegroup,
		"resetcycle":     parseResetcycle,
		"spaceless":      parseSpaceless,
		"templatetag":    parseTemplatetag,
		"trans":          parseTrans,
		"translate":      parseTrans,
		"verbatim":       parseVerbatim,
		"widthratio":     parseWidthratio,
		"with":           parseWith,
	}
}

func parseNothing(*parser, *tagged) node { return nil }

func parseComment(p *parser, t *tagged) node {
	p.raw(t.name, t.start, "endcomment", "")
	return nil
}

func parseVerbatim(p *parser, t *tagged) node {
	t.space()
	label := t.rest()
	for label != "" && label[len(label)-1] <= ' ' {
		label = label[:len(label)-1]
	}
	return literal(p.raw(t.name, t.start, "endverbatim", label))
}

// as reads "as name" at the end of a tag, if it is there.
func (t *tagged) as(p *parser) string {
	if !t.word("as") {
		return ""
	}
	name := t.cursor.name("a name")
	p.bind(name)
	return name
}

// end complains about what is left in the tag.
func (t *tagged) end() { t.finish("{% " + t.name + " %}") }

// give writes a value, or binds it to the name that {% … as name %} gave.
func (r *run) give(v any, as string) {
	if as != "" {
		r.set(as, v)
		return
	}
	r.write(v)
}
