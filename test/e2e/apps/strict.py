"""Asks for a URL by a proxy with what Python's ssl.create_default_context() does from 3.13 on, and says what came of it. Usage: strict.py URL PROXY BUNDLE"""
import http.client
import ssl
import sys
import urllib.parse

url, proxy = map(urllib.parse.urlsplit, sys.argv[1:3])
context = ssl.create_default_context(cafile=sys.argv[3])
context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
connection = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=context, timeout=10)
connection.set_tunnel(url.hostname, url.port or 443)
try:
    connection.request("GET", url.path)
    print("trusted", connection.getresponse().status)
except ssl.SSLError as e:
    print(e)
    sys.exit(1)
