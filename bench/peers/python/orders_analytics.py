"""The seed's analytics consumer: kafka-python, counts in memory, told at `GET /`.

Arguments: PORT.
"""

import json
import os
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from kafka import KafkaConsumer

BOOTSTRAP = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
OUTCOMES = os.environ.get("INVENTORY_TOPIC", "inventory-events")

counts: Counter[str] = Counter()


class Metrics(BaseHTTPRequestHandler):
    """Tells what was counted."""

    def do_GET(self) -> None:
        """Answers with the counts."""
        body = json.dumps({"total_orders": counts.total(), **counts}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def main(port: str) -> None:
    """Counts for ever."""
    server = HTTPServer(("127.0.0.1", int(port)), Metrics)
    Thread(target=server.serve_forever, daemon=True).start()
    consumer = KafkaConsumer(
        OUTCOMES,
        bootstrap_servers=BOOTSTRAP,
        group_id=f"analytics-service-{OUTCOMES}",
        auto_offset_reset="earliest",
    )
    for record in consumer:
        counts[json.loads(record.value)["event_type"]] += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
