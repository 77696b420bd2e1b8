var e=`import base64
import hashlib
import hmac
import time


def verify(secret: str, headers, body: bytes) -> None:
    """Raises ValueError where a request is not Switchhook's.

    body: the request's, byte by byte as it came, or of a GET request what is
    behind the ? of the URL. headers: with names in lower case.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    msg_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 300:
        raise ValueError("the request is too old, or from the future")
    mac = hmac.new(key, f"{msg_id}.{timestamp}.".encode() + body, hashlib.sha256)
    expected = base64.b64encode(mac.digest()).decode()
    # There are two signatures while a secret is being changed.
    for signature in headers.get("webhook-signature", "").split():
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), expected.encode()):
            return
    raise ValueError("the signature is not ours")
`;export{e as default};