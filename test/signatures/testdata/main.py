import base64
import sys

from verify import verify

for line in sys.stdin:
    secret, msg_id, timestamp, signature, body = (base64.b64decode(f) for f in line.rstrip("\n").split("\t"))
    headers = {"webhook-id": msg_id.decode(), "webhook-timestamp": timestamp.decode(), "webhook-signature": signature.decode()}
    try:
        verify(secret.decode(), headers, body)
        print("true")
    except ValueError:
        print("false")
