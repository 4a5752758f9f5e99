"""For schemathesis: text/plain bodies are JSON here, as the contract says."""
import json

import schemathesis


@schemathesis.serializer("text/plain")
def text_plain(_ctx, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()
