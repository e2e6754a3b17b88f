"""The seeds' consumer: kafka-python, one line with time and id appended to a file per record.

Arguments: BOOTSTRAP TOPIC GROUP FILE. The file stays open and each line is flushed, so that what
was processed can be read from it; offsets are committed as kafka-python does by itself.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from kafka import KafkaConsumer


def main(bootstrap: str, topic: str, group: str, file: str) -> None:
    """Appends for ever."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest"
    )
    with Path(file).open("a", encoding="utf-8") as lines:
        for record in consumer:
            event = json.loads(record.value)
            lines.write(f"{datetime.now(UTC).isoformat()} {event['event_id']}\n")
            lines.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
