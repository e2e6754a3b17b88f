"""The seed's inventory consumer: kafka-python, stock in memory, offsets committed by itself.

Arguments: BOOTSTRAP. Its stock never ends, as ours does not in the comparison.
"""

import json
import sys
from collections import Counter

from kafka import KafkaConsumer, KafkaProducer


def main(bootstrap: str) -> None:
    """Reserves for ever."""
    consumer = KafkaConsumer(
        "order-events",
        bootstrap_servers=bootstrap,
        group_id="inventory-service",
        auto_offset_reset="earliest",
    )
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    reserved: Counter[str] = Counter()
    for record in consumer:
        order = json.loads(record.value)
        reserved[order["item"]] += order["quantity"]
        event = {**order, "event_type": "InventoryReserved"}
        producer.send("inventory-events", json.dumps(event).encode(), key=record.key)


if __name__ == "__main__":
    main(*sys.argv[1:])
