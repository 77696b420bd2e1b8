package api

// meaning is the sentence for a field of the vocabulary's own types, which have
// no tags for it. A test holds that every field of the document has one.
func meaning(schema, field string) string {
	if m := meanings()[schema+"."+field]; m != "" {
		return m
	}
	return meanings()[field]
}

func meanings() map[string]string {
	return map[string]string{ //nolint:gosec // G101: sentences about keys, none of which is one
		// Wherever they are.
		"id": "Its id.", "account_id": "The account that it belongs to.", "created_at": "When it was made.", "updated_at": "When it was last changed.",
		"items": "This page's items.", "webhook_id": "The webhook.", "event_id": "The event's id.", "event_type": "The event's type.",
		"delivery_id": "The delivery's id: the same for every attempt, and what webhook-id says.", "name": "For people.",
		"attempt_number": "1 for the first try.", "started_at": "When it was started.", "duration_ms": "How long it took, in milliseconds.",
		"outcome": "success or failure.", "error": "What went wrong, for a person.", "next_attempt_at": "When the next try is due. Absent: there is none.",
		"delivery_state": "Where the delivery stood afterwards: pending, delivered, failed, expired or cancelled.",
		"dialect":        "The request shape.", "sequence": "The event's place in the order of acceptance.", "key": "What it is ordered by. Absent: it is unordered.",
		"method": "The HTTP method.", "url": "The URL.", "headers": "The headers, secrets masked.", "body": "The body.", "status": "How it stands.",

		"Account.parent_id":            "The account above it. Absent: it is the operator's.",
		"Account.id":                   "Its id: chosen, or acc_….",
		"Account.limits":               "What it may do at most, as an account above has set it. Absent: what is set above it, or by the server.",
		"Account.show_private_answers": "What is answered from private networks is shown in attempts. Only the operator sets it.", "Account.allow_networks": "Private networks that its webhooks may reach, beside those that the server allows to all. Set by the operator.",
		"Account.retention":          "How long history of it and of the accounts below it is kept. Absent: as long as that of the account above.",
		"Account.timezone":           "Where mails tell times, such as Europe/Berlin. Absent: that of the account above, or UTC.",
		"Account.suspended_at":       "When it was suspended. Absent: it is not, or only an account above it.",
		"Account.portal":             "How the page looks for its people and those of the accounts below, and who may embed it. What is absent is as the account above has it.",
		"Portal.name":                "What the product is called. At most 80 characters.",
		"Portal.logo":                "An image: to set it a data: URI in base64 of a PNG, JPEG, WebP, GIF or SVG of at most 64 KiB; what is read is its path here, and that sent back leaves it as it is.",
		"Portal.accent":              "A colour, #rrggbb.",
		"Portal.accent_dark":         "The same where the page is dark. Absent: accent.",
		"Portal.frame_ancestors":     "The origins of pages that may have the page in a frame, such as https://portal.example.com; by portal links with embed alone.",
		"Limits.requests_per_second": "Of each of its API keys, and those of the accounts below that have no limit of their own. Absent: no limit.",
		"Limits.request_burst":       "How many requests may come at once. Absent: those of two seconds.",
		"Limits.events_per_second":   "Of it and the accounts below, together. Absent: no limit.",
		"Limits.open_deliveries":     "How many deliveries to its webhooks may be open before its events are refused. Absent: as the server has it.",

		"ApiKey.account_id": "The account that it opens, with all below.", "ApiKey.role": "admin, developer, viewer or ingest.",
		"ApiKey.expires_at": "It is refused from then on. Absent: never.", "ApiKey.last_used_at": "To the minute. Absent: never.",

		"Event.id": "Unique within the account: the client's own, or evt_….", "Event.type": "The name in the catalogue, such as call.answered.",
		"Event.account_id": "The account that it happened in.", "Event.occurred_at": "When it happened, by the source's clock.",
		"Event.accepted_at": "When Switchhook took it over, by its own clock.", "Event.source": "The source that told it. Absent: it came by the API.",
		"Event.data": "Its resources, as the catalogue describes them.", "Event.sequence": "Its place in the order of acceptance. Rises within account and key; gaps mean nothing.",

		"Receipt.id": "The event's id.", "Receipt.duplicate": "The id was accepted before: nothing is sent twice.", "Receipt.deliveries": "How many webhooks it goes to.",

		"Delivery.id": "Derived from account, event and webhook: never another one.", "Delivery.account_id": "The event's account.",
		"Delivery.state": "pending, delivered, failed, expired or cancelled.", "Delivery.attempts": "How many tries were made.",
		"Delivery.reason": "Why it ended otherwise than delivered.", "Delivery.accepted_at": "When the event was accepted.", "Delivery.ended_at": "When it ended. Absent: it is pending.",

		"Heard.account_id": "The event's account.", "Heard.occurred_at": "When it happened, by the source's clock.",

		"Attempt.account_id": "The event's account.", "Attempt.request": "What was sent, credentials masked. Absent: nothing could be sent.",
		"Attempt.response":    "What came back. Absent: nothing did.",
		"Attempt.replay":      "Somebody wanted the delivery again: a replay, or a retry by hand. Absent: nobody did.",
		"HTTPResponse.hidden": "It came from a private network: its headers and body are kept back unless the operator has them shown. Absent: it is whole.",
		"HTTPResponse.status": "The HTTP status.", "HTTPResponse.body": "The body, cut at 16 KiB.", "HTTPResponse.headers": "The headers.",

		"Webhook.url": "Where requests go.", "Webhook.events": "Which events: globs of types, or a dialect's own names.", "Webhook.format": "json or form, where the dialect has both.",
		"Webhook.method": "Absent: the dialect's own.", "Webhook.enabled": "false: nothing is sent.", "Webhook.scope": "Only events of these numbers, extensions, ring groups or queues.",
		"Webhook.include_subaccounts": "Events of the accounts below, too.", "Webhook.include_internal_legs": "Loopback legs inside the switch, too.",
		"Webhook.custom_data": "Added to each request (kazoo only).", "Webhook.modifiers": "Kazoo's own filters and settings (kazoo only).",
		"Webhook.headers": "Added to each request; values of headers that hold secrets are masked.", "Webhook.auth": "How the receiver wants us to prove who we are; secrets masked.",
		"Webhook.dialect_options": "Settings of the dialect.", "Webhook.retry": "When a failed delivery is tried again.", "Webhook.timeout": "Of one attempt.",
		"Webhook.max_concurrency": "The most requests under way at once.", "Webhook.ordering": "key or none.", "Webhook.hold": "How long a failing delivery holds back its key.",
		"Webhook.max_age": "The age at which a delivery expires. Absent: as the type's freshness says.", "Webhook.disable_reason": "Why it is disabled.",
		"Webhook.rate_limit": "Requests a second at most, evenly spread, retries among them. Absent: no limit.",
		"Webhook.paused_at":  "When it was paused. Absent: it is not. Read only: see /pause and /resume.",

		"Webhook.filter": "A CEL expression over the event. Absent: every event that is selected.",
		"Webhook.flow":   "It is the webhook of the account's call flows: each flow.webhook event says where it goes.",

		"Job.account_id": "The webhook's account.", "Job.which": "failed, missing or all.", "Job.since": "Of events accepted at or after this time.",
		"Job.until": "Of events accepted before this time.", "Job.types": "Only of these event types. Absent: of all.", "Job.call_id": "Only of this call or leg. Absent: of all.",
		"Job.rate": "How many are made a second at most. Absent: as many as the webhook takes.", "Job.state": "running, done, cancelled or failed.",
		"Job.total":  "How many places in the order of acceptance its range spans, from its first event to its last. Places of other accounts, types and calls, and gaps, are counted too.",
		"Job.looked": "How many of these it has passed.", "Job.made": "How many deliveries it has made.",
		"Job.error": "Why it failed.", "Job.created_at": "When it was asked for.", "Job.updated_at": "As of when its progress is.", "Job.ended_at": "When it ended. Absent: it is running.",

		"DialectID.dialect": "The dialect.", "DialectID.schema": "What kind of thing it is.", "DialectID.id": "The id as the phone system gives it.",
		"DialectID.value": "What the dialect calls it.",

		"Scope.numbers": "Phone numbers.", "Scope.extensions": "Extensions, by number or id.", "Scope.ring_groups": "Ring groups, by number or id.", "Scope.queues": "Queues, by number or id.",
		"Auth.type": "basic, bearer or oauth2.", "Auth.username": "For basic.", "Auth.password": "For basic.", "Auth.token": "For bearer.",
		"Auth.token_url": "For oauth2: where an access token is given for the client's credentials (RFC 6749 4.4).", "Auth.client_id": "For oauth2.", "Auth.client_secret": "For oauth2.",
		"Auth.scope": "For oauth2: what the token is to allow, with blanks between several. Absent: what the server gives by default.", "Auth.audience": "For oauth2: whom the token is for, where the server asks for it.",
		"Auth.client_auth": "For oauth2: how client_id and client_secret are sent: basic (a header) or post (in the form). Absent: basic.",
		"Webhook.mask":     "What of people's data is masked in its requests: numbers, text. Absent: nothing.",
		"Webhook.signing":  "hmac, ed25519 or both: with what requests are signed.",
		"TLS.ca":           "PEM certificates, one of which must stand behind the receiver's. Absent: one that the system knows must.", "TLS.certificate": "PEM: the client certificate that is shown to the receiver, with what stands behind it.",
		"TLS.key": "PEM: the certificate's private key. Masked.", "Webhook.tls": "Whom the receiver is known by, and how it knows us; the key masked.",
		"Retry.policy": "standard, none or kazoo.", "Retry.tries": "Of the policy kazoo: how often it is tried in all.", "Retry.schedule": "Times to wait before each further try.",

		"Addresses.type":            "original: whom the event names, or what the directory knows of whom it is about; specified: email_addresses; admins: the account's administrators.",
		"Addresses.email_addresses": "The template's own: those of specified, and those that the others fall back on. At most 100, in the template language.",
		"Macro.name":                "What stands between {{ and }}, such as caller_id.number.", "Macro.meaning": "What it is.", "Macro.sample": "What it is in the template's sample event.",

		"Source.kind": "The system that it speaks with.", "Source.account_id": "The account of what is not in account_map.",
		"Source.account_map": "The system's own account ids, and which account of ours each is.", "Source.options": "Settings of the kind.",
		"Reject.source_id": "The source.", "Reject.at": "When it came.", "Reject.reason": "Why it could not be read.", "Reject.fields": "The members that were wrong.",
		"Reject.url": "The path and query, without the token.", "Reject.id": "Its number.",

		"Record.schema": "What kind of record it is.", "Record.id": "Its id, your own.", "Record.row": "The row: any members, their order kept.",

		"Audit.id": "Its number. Rises.", "Audit.at": "When it was done.", "Audit.account_id": "The account of what was changed; of an account that was deleted, the one above it.",
		"Audit.action": "The operation, such as update-webhook.", "Audit.resource": "What kind of thing was changed.", "Audit.resource_id": "Its id; of a record schema/id, of a dialect id dialect/schema/id.",
		"Audit.before": "The members that changed, as they were; secrets masked. Absent: there was nothing.", "Audit.after": "The members that changed, as they are since; secrets masked. Absent: there is nothing any more.",
		"Audit.request_id": "The request's id, as in X-Request-Id and in the log.",
		"Actor.user_id":    "The user, who had signed in.", "Actor.login": "The user's login at that time.",
		"User.account_id": "The account that the user belongs to, and sees with all below.", "User.login": "What the user signs in with.", "User.role": "admin, developer or viewer.",
		"User.oidc_subject": "Whom the OpenID provider knows the user as. Absent: by the login.",

		"Actor.key_id": "The API key.", "Actor.key_name": "Its name at that time.", "Actor.account_id": "Its account.", "Actor.address": "Where the request came from.",

		"Problem.type": "Always about:blank; code says more.", "Problem.title": "The HTTP status in words.", "Problem.status": "The HTTP status.",
		"Problem.detail": "What is wrong, for a person.", "Problem.code": "What is wrong, for a program. Stable.",
		"Problem.errors": "One entry per wrong field.", "Problem.request_id": "The request's id, as in X-Request-Id and in the log.",
		"Problem.retry_after": "Of 429: after how many seconds it is taken, as in Retry-After.",
		"FieldError.field":    "The field's path, such as events[3].data.call.from or url.", "FieldError.message": "What is wrong, and what was expected.",
		"Condition.status": "alive or ready.",
	}
}
