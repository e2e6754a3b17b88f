"""The seed's inventory consumer: kafka-python, stock in memory, offsets committed by itself.

Its stock never ends, as ours does not in the comparison.
"""

import json
import os
from collections import Counter

from kafka import KafkaConsumer, KafkaProducer

BOOTSTRAP = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
ORDERS = os.environ.get("ORDERS_TOPIC", "order-events")
OUTCOMES = os.environ.get("INVENTORY_TOPIC", "inventory-events")


def main() -> None:
    """Reserves for ever."""
    consumer = KafkaConsumer(
        ORDERS,
        bootstrap_servers=BOOTSTRAP,
        group_id=f"inventory-service-{ORDERS}",
        auto_offset_reset="earliest",
    )
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all")
    reserved: Counter[str] = Counter()
    for record in consumer:
        order = json.loads(record.value)
        reserved[order["item"]] += order["quantity"]
        event = {**order, "event_type": "InventoryReserved"}
        producer.send(OUTCOMES, json.dumps(event).encode(), key=record.key)


if __name__ == "__main__":
    main()
