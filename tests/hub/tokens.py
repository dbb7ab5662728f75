"""The token server: short-lived bearer tokens bound to one scope, as Docker Hub gives them."""

import base64
import datetime
import hashlib
import hmac
import json
import secrets
import time

from hub.serving import json_reply, registry_error

USER, PASSWORD = "hubuser", "hubpass"  # the one account of this hub; it may read private/ names


class TokenServer:
    def __init__(self, settings):
        self._settings = settings
        self._key = secrets.token_bytes(32)

    def answer(self, request, _faults):
        if request.path != "/token" or request.method not in ("GET", "HEAD"):
            return registry_error(404, "UNSUPPORTED", "only GET /token")
        user = _basic_user(request.headers.get("Authorization"))
        if user is None:
            return registry_error(401, "UNAUTHORIZED", "incorrect username or password")
        scopes = " ".join(request.query.get("scope", [])).split()
        return json_reply(200, self._token_json([name for name in map(_pull_name, scopes) if _may_pull(name, user)]))

    def allows(self, authorization, name):
        """Whether the header carries a token of ours that is fresh and covers pulls of `name` (None: any token)."""
        scheme, _, token = (authorization or "").partition(" ")
        access = self._open(token) if scheme.lower() == "bearer" else None
        return access is not None and (name is None or name in access)

    def _token_json(self, names):
        seconds = self._settings["token_seconds"]
        token = self._seal({"names": names, "expires": time.time() + seconds})
        issued = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        value = {"token": token, "access_token": token, "expires_in": seconds, "issued_at": issued}
        return {field: value[field] for field in value if field not in self._settings["token_omits"]}

    def _seal(self, claims):
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return f"{payload}.{self._mac(payload)}"

    def _open(self, token):
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac, self._mac(payload)):
            return None
        claims = json.loads(base64.urlsafe_b64decode(payload))
        return claims["names"] if claims["expires"] > time.time() else None

    def _mac(self, payload):
        return hmac.new(self._key, payload.encode(), hashlib.sha256).hexdigest()


def _basic_user(authorization):
    """The account's name, "" for anonymous callers, None for wrong credentials."""
    if not authorization:
        return ""
    scheme, _, value = authorization.partition(" ")
    expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return USER if scheme.lower() == "basic" and value == expected else None


def _pull_name(scope):
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return name if kind == "repository" and "pull" in actions.split(",") else ""


def _may_pull(name, user):
    return "/" in name and (user == USER or not name.startswith("private/"))
