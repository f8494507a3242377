# Asks the real requests and urllib which proxy they take. Reads JSON lines {"vars": [[name, value]...], "url": ...}; answers {"requests": proxy, "urllib": proxy},
# null for direct. Opens no connection.
import json
import os
import sys
import urllib.request

import requests
from requests.utils import select_proxy

NAMES = set()


def ask_requests(url):
    prepared = requests.Request("GET", url).prepare()
    session = requests.Session()
    settings = session.merge_environment_settings(prepared.url, {}, None, None, None)
    return select_proxy(prepared.url, settings["proxies"])


class Seen(Exception):
    pass


def ask_urllib(url):
    """The opener's own ProxyHandler, asked the way OpenerDirector.open does."""
    handler = urllib.request.ProxyHandler()
    request = urllib.request.Request(url)
    before = request.host
    call = getattr(handler, request.type + "_open", None)
    if call is None:
        return None

    class Parent:
        def open(self, *args, **kwargs):
            return None

    handler.parent = Parent()
    call(request)
    if request.host == before and not request.has_proxy() and not getattr(request, "_tunnel_host", None):
        return None
    return "http://" + request.host


for line in sys.stdin:
    question = json.loads(line)
    for name in NAMES:
        os.environ.pop(name, None)
    NAMES.clear()
    for name, value in question["vars"]:
        os.environ[name] = value
        NAMES.add(name)
    print(json.dumps({"requests": ask_requests(question["url"]), "urllib": ask_urllib(question["url"])}))
