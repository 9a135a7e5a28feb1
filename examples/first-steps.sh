#!/bin/sh
# Registers a sandbox account and sends three messages: now, in five seconds, and one that is refused.
#   TOKEN   an access token with scope * or api (required)
#   URL     where Postroad listens       (http://127.0.0.1:3000)
#   HOOKS   where the webhooks shall go  (http://127.0.0.1:8080/)
#   SECRET  what signs them              (example-secret)
set -eu
: "${TOKEN:?}" "${URL:=http://127.0.0.1:3000}" "${HOOKS:=http://127.0.0.1:8080/}" "${SECRET:=example-secret}"

call() { # METHOD PATH JSON
    curl --silent --show-error --fail-with-body -X "$1" "$URL$2" \
        -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "$3"
    echo
}

call POST /v1/settings "{\"webhooksEnabled\": true, \"webhooks\": \"$HOOKS\", \"webhookEvents\": [\"*\"], \"serviceSecret\": \"$SECRET\"}"
call POST /v1/account '{"account": "example", "name": "Example", "email": "example@sandbox.example", "type": "sandbox"}'

call POST /v1/account/example/submit '{"to": {"address": "ada@example.com"}, "subject": "Now", "text": "Hello."}'
call POST /v1/account/example/submit "{\"to\": {\"address\": \"ada@example.com\"}, \"subject\": \"Later\", \"text\": \"Hello.\",
    \"sendAt\": \"$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%S.000Z)\"}"
call POST /v1/account/example/submit '{"to": {"address": "reject@example.com"}, "subject": "Refused", "text": "Hello."}'
