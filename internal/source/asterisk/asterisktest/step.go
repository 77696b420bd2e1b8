package asterisktest

import "time"

// A Step is what a phone does, or expects of the other side, in a call.
type Step struct {
	template string
	For      time.Duration
	Code     int
	Text     string

	Held, Consulted DialogID // of a transfer
}

// Ring rings, for so long. It is for who is called, as the next ones.
func Ring(d time.Duration) Step { return Step{template: "ring", For: d} }

// Answer answers.
func Answer() Step { return Step{template: "answer"} }

// Refuse refuses with a status of SIP, such as 486, busy.
func Refuse(status int) Step { return Step{template: "refuse", Code: status} }

// Forward asks the caller to call another number.
func Forward(number string) Step { return Step{template: "forward", Text: number} }

// Cancelled expects that the caller, or the system, gives up.
func Cancelled() Step { return Step{template: "cancelled"} }

// Receive receives a text instead of a call.
func Receive() Step { return Step{template: "messaged"} }

// Answered expects that the call is answered. It is for who calls, as the next ones.
func Answered() Step { return Step{template: "answered"} }

// Refused expects that it is refused with a status of SIP.
func Refused(status int) Step { return Step{template: "refused", Code: status} }

// Cancel gives up when it has rung for so long.
func Cancel(d time.Duration) Step { return Step{template: "cancel", For: d} }

// Talk does nothing for so long in a call that is answered; it and the next ones are
// for both sides.
func Talk(d time.Duration) Step { return Step{template: "talk", For: d} }

// Speak sends sound from now on, and does nothing else for so long.
func Speak(d time.Duration) Step { return Step{template: "speak", For: d} }

// Hold puts the other side on hold, and does nothing else for so long.
func Hold(d time.Duration) Step { return Step{template: "offer", Text: "sendonly", For: d} }

// Unhold ends that, and does nothing else for so long.
func Unhold(d time.Duration) Step { return Step{template: "offer", Text: "sendrecv", For: d} }

// Press presses a key: one of 0 to 9, *, #.
func Press(key string) Step { return Step{template: "press", Text: key} }

// Refer transfers the other side to a number, blindly. The phone is to hang up then.
func Refer(number string) Step { return Step{template: "refer", Text: number} }

// HangUp hangs up.
func HangUp() Step { return Step{template: "hangup"} }

// Released expects that the other side hangs up.
func Released() Step { return Step{template: "released"} }
