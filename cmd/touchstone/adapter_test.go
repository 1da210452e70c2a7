package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
)

// rpProgram is the reference RP as a program that an adapter speaks to. Its first
// argument, if any, says how it misbehaves, its second after how many answers.
func rpProgram(args []string) int {
	fault, sound := "", 0
	if len(args) > 0 {
		fault = args[0]
	}
	if len(args) > 1 {
		sound, _ = strconv.Atoi(args[1])
	}
	say := func(v map[string]any) {
		line, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(append(line, '\n'))
	}
	if fault == "at-once" {
		fmt.Fprintln(os.Stderr, "no module named webauthn")
		return 1
	}
	paths := map[string]string{
		"registration.options": "/attestation/options", "registration.result": "/attestation/result",
		"authentication.options": "/assertion/options", "authentication.result": "/assertion/result",
	}
	var server http.Handler
	sessions := map[string][]*http.Cookie{}
	in := bufio.NewReader(os.Stdin)
	for n := 0; ; n++ {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return 0
		}
		var l struct {
			ID                              int
			Op, RPID, Origin, Session, Body string
			BodyBase64                      []byte
		}
		if err := json.Unmarshal(text, &l); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 9
		}
		if n > sound || fault == "mute" || fault == "junk" {
			switch fault {
			case "dies":
				fmt.Fprintf(os.Stderr, "Traceback (most recent call last):\n  \x1b[31mboom\x1b[0m in %s\n", l.Op)
				return 7
			case "closes":
				_ = os.Stdout.Close()
				select {}
			case "hangs", "mute":
				select {}
			case "long":
				say(map[string]any{"id": l.ID, "ok": true, "body": map[string]any{"challenge": strings.Repeat("x", 5<<20)}})
				continue
			case "stranger":
				say(map[string]any{"id": l.ID + 1000, "ok": true})
				continue
			case "refuses":
				say(map[string]any{"id": l.ID, "ok": false, "error": "closed on Sundays"})
				continue
			case "once": // leaves one request without an answer
				if n == sound+1 {
					continue
				}
			case "twice":
				say(map[string]any{"id": l.ID, "ok": false, "error": "no"})
			case "junk-later":
				fmt.Println("DEBUG: the database is", l.Op)
				continue
			case "junk":
				fmt.Println("starting up ...")
				continue
			}
		}
		if l.Op == "hello" {
			cfg, err := reference.ConfigFor(l.RPID, l.Origin, []string{"fido"})
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 9
			}
			if server, err = rp.New(cfg); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 9
			}
			say(map[string]any{"id": l.ID, "ok": true, "protocol": 1})
			continue
		}
		body := l.Body
		if l.BodyBase64 != nil {
			body = string(l.BodyBase64)
		}
		req := httptest.NewRequest(http.MethodPost, l.Origin+paths[l.Op], strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		for _, c := range sessions[l.Session] {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, req)
		if got := w.Result().Cookies(); len(got) > 0 {
			sessions[l.Session] = got
		}
		var out map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 9
		}
		if w.Code == http.StatusOK {
			say(map[string]any{"id": l.ID, "ok": true, "body": out})
		} else {
			say(map[string]any{"id": l.ID, "ok": false, "error": out["errorMessage"]})
		}
	}
}
