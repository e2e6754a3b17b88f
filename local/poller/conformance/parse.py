"""Parses events, a line each, with Powertools for AWS Lambda as a function in Python would."""

import json
import sys
from pathlib import Path

from aws_lambda_powertools.utilities.data_classes import KafkaEvent

records = 0
for line in Path(sys.argv[1]).read_text().splitlines():
    event = KafkaEvent(json.loads(line))
    assert event.event_source in ("aws:kafka", "SelfManagedKafka"), event.event_source
    assert event.decoded_bootstrap_servers
    for record in event.records:
        assert record.offset >= 0 and record.timestamp > 0 and record.timestamp_type == "CREATE_TIME"
        assert record.key is None or record.decoded_key is not None
        assert record.raw_event.get("value") is None or record.decoded_value is not None
        for name, value in record.decoded_headers.items():
            assert isinstance(name, str) and isinstance(value, bytes)
        records += 1
assert records > 50, f"only {records} records"
print(f"Powertools for Python reads {records} records")
