"""Asks for a URL by the proxy of its environment with requests and the bundle of certifi beside it, and says what came of it."""
import os
import sys
from pip._vendor import certifi, requests

# What upstream's certifi.where() answers; Debian's copy of it answers with the system's bundle.
bundle = os.path.join(os.path.dirname(certifi.__file__), "cacert.pem")
try:
    print("trusted", requests.get(sys.argv[1], verify=bundle).status_code)
except requests.exceptions.SSLError as e:
    print(e)
    sys.exit(1)
