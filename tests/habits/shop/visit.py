"""``python -m shop.visit``: a customer's morning, in a process that could be web's; prints the answers."""

import json

import django
from django.test import Client

django.setup()

CALLS = ("order/ada", "order-once/bob", "order-once/bob", "order-twice/eve", "ship/ada")

client = Client()
visits = [call.split("/") for call in CALLS]
print(json.dumps([client.post(f"/{path}/", {"name": name}).status_code for path, name in visits]))
