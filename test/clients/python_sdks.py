"""What an application does with two released Python packages; its one argument is a gateway's URL."""

import datetime
import sys

import requests
import segment.analytics as analytics
from cloudevents.v1.conversion import to_binary, to_structured
from cloudevents.v1.http import CloudEvent

URL = sys.argv[1]
GIVEN_TIME = datetime.datetime(2026, 11, 20, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)


def segment(gzip):
    failures = []
    client = analytics.Client(
        "demo", host=URL, gzip=gzip, on_error=lambda error, _: failures.append(error)
    )
    user = "u-gzip" if gzip else "u-1"
    client.identify(user, {"email": "jo@example.test"})
    client.track(user, "Order Completed", {"revenue": 39.95, "note": "größe ✓ 🌍"}, timestamp=GIVEN_TIME)
    client.page(user, "Docs", "Home", {"url": "https://shop.example/"})
    client.screen(user, "Main")
    client.group(user, "g-1", {"name": "Acme"})
    client.alias("anon-1", user)
    client.track(user, "Bad", {}, {"locale": 5}, message_id="py-bad")
    client.flush()
    client.join()
    assert failures == [], failures


def cloudevents():
    for name, convert in (("binary", to_binary), ("structured", to_structured)):
        attributes = {"id": "py-" + name, "type": "track", "source": "/shop", "partitionkey": "p-1"}
        data = {"messageId": "py-" + name, "timestamp": GIVEN_TIME.isoformat(), "event": "Größe"}
        headers, body = convert(CloudEvent(attributes, data))
        answer = requests.post(URL + "/v1/cloudevents", headers=headers, data=body)
        assert (answer.status_code, answer.json()["stored"]) == (200, 1), answer.text


segment(gzip=False)
segment(gzip=True)
cloudevents()
