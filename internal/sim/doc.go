// Package sim plays both ends of Switchhook: a phone system that tells what
// happens on it, and the receiver that its customers' webhooks point to, with the
// mailbox that their mails go to. The demo, tests and benchmarks use it.
//
// It is an outsider on purpose. It talks to Switchhook over HTTP and SMTP only, verifies
// signatures and payloads with its own code, and shares nothing with the
// packages that it puts to the test but the vocabulary and the catalogue's type
// names. What it finds wrong, a customer would have found wrong.
//
//	phone := &sim.Phone{Client: client, Account: "demo"}   // calls, texts, records
//	receiver, err := sim.Listen(ctx, sim.ReceiverOptions{}) // one path per dialect
//	…
//	audit := &sim.Audit{Client: client, Account: "demo", Phone: phone, Receiver: receiver}
//	report, err := audit.Run(ctx)                           // did all of it arrive?
//
// Everything here is safe for concurrent use unless its comment says otherwise.
package sim
