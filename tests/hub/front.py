"""The registry's front door: challenges, rate limit headers, manifests from docker-registry, blobs by redirect."""

import http.client
import re
import threading

from hub.cdn import blob_reply
from hub.serving import BytesBody, Reply, json_reply, registry_error

ROUTE = re.compile(r"/v2/(.+?)/(?:(manifests|blobs|referrers)/([^/]+)|(tags)/list)")
PASSED_HEADERS = ("Content-Type", "Docker-Content-Digest", "ETag", "Link", "Docker-Distribution-Api-Version")
SERVICE = "registry.hub.test"


class RateLimit:
    """Counts manifest GETs down, as Hub does; the window never ends within a test."""

    def __init__(self, settings):
        self._settings, self._lock, self._used = settings, threading.Lock(), 0

    def spend(self, cost):
        """False when nothing is left."""
        with self._lock:
            if cost and self._used >= self._settings["limit"]:
                return False
            self._used += cost
            return True

    def headers(self):
        left = max(0, self._settings["limit"] - self._used)
        return {"ratelimit-limit": f"{self._settings['limit']};w=21600", "ratelimit-remaining": f"{left};w=21600",
                "docker-ratelimit-source": "127.0.0.1"}

    def reset(self):
        with self._lock:
            self._used = 0


class Front:
    def __init__(self, settings, storage, tokens, cdn, addresses):
        self._settings, self._storage, self._tokens, self._cdn = settings, storage, tokens, cdn
        self._addresses = addresses  # filled with "token" and "cdn" before the first request
        self.limit = RateLimit(settings)

    def answer(self, request, faults):
        if request.path in ("/v2/", "/v2"):
            return json_reply(200, {}) if self._allowed(request, None, faults) else self._challenge(None, "")
        found = ROUTE.fullmatch(request.path)
        if not found or request.method not in ("GET", "HEAD"):
            return registry_error(405 if found else 404, "UNSUPPORTED", "this hub serves pulls")
        name, action, reference = found[1], found[2] or found[4], found[3]
        if not self._allowed(request, name, faults):
            return self._challenge(name, "insufficient_scope" if "Authorization" in request.headers else "")
        if not self._storage.has_repository(name):
            return self._challenge(name, "insufficient_scope")
        if action == "blobs":
            return self._blob(request, name, reference)
        return self._manifest(request) if action == "manifests" else self._forward(request)

    def _allowed(self, request, name, faults):
        if "loop401" in faults or (name is not None and "/" not in name):
            return False
        return not self._settings["auth"] or self._tokens.allows(request.headers.get("Authorization"), name)

    def _challenge(self, name, error):
        style = CHALLENGES[self._settings["challenge"]]
        scope = f"repository:{name}:pull" if name else ""
        value = style(f"{self._addresses['token']}/token", SERVICE, scope, error)
        return registry_error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": value})

    def _manifest(self, request):
        if not self.limit.spend(request.method == "GET"):
            return registry_error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.",
                                  {**self.limit.headers(), "Retry-After": "60"})
        reply = self._forward(request)
        reply.headers.update(self.limit.headers())
        return reply

    def _blob(self, request, name, digest):
        path = self._storage.blob_path(digest)
        if request.method == "HEAD" or not path.exists():
            return self._forward(request)
        if not self._settings["redirect"]:
            return blob_reply(path, request, {"Docker-Content-Digest": digest})
        base = self._settings["cdn"] or self._addresses["cdn"]
        location = f"{base}{self._cdn.signed_path(digest)}"
        return Reply(self._settings["redirect"], {"Location": location, "Docker-Content-Digest": digest})

    def _forward(self, request):
        upstream = http.client.HTTPConnection("127.0.0.1", self._storage.port, timeout=30)
        headers = {"Accept": ", ".join(request.headers.get_all("Accept") or ["*/*"])}
        if "If-None-Match" in request.headers:
            headers["If-None-Match"] = request.headers["If-None-Match"]
        query = "&".join(f"{key}={value[0]}" for key, value in request.query.items() if key in ("n", "last"))
        upstream.request(request.method, request.path + (f"?{query}" if query else ""), headers=headers)
        answer = upstream.getresponse()
        passed = {name: answer.headers[name] for name in PASSED_HEADERS if name in answer.headers}
        length = int(answer.headers.get("Content-Length", -1)) if request.method == "HEAD" else -1
        reply = Reply(answer.status, passed, BytesBody(answer.read()), length)
        upstream.close()
        return reply


def _plain(realm, service, scope, error):
    value = f'Bearer realm="{realm}",service="{service}"'
    value += f',scope="{scope}"' if scope else ""
    return value + (f',error="{error}"' if error else "")


def _reordered(realm, service, scope, error):
    scope = f'scope="{scope},push" , ' if scope else ""
    error = f', error="{error}"' if error else ""
    return f'bearer {scope}service={service} ,  REALM="{realm}"{error}'


def _among_others(realm, service, scope, error):
    return f'Negotiate, Basic realm="a \\"hub\\", of sorts", {_plain(realm, service, scope, error)}'


def _several_headers(realm, service, scope, error):
    return ['Basic realm="hub"', _plain(realm, service, scope, error)]


CHALLENGES = {"plain": _plain, "reordered": _reordered, "among others": _among_others,
              "several headers": _several_headers}
