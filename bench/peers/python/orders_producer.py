"""The seed's producer of orders: Flask + kafka-python, waiting for the acknowledgement of all."""

import json
import os
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from kafka import KafkaProducer
from kafka.errors import KafkaError

TOPIC = os.environ.get("ORDERS_TOPIC", "order-events")
ACKNOWLEDGEMENT_S = 10

app = Flask(__name__)
# One a worker: gunicorn loads this file after its fork.
producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all")


@app.get("/health")
def health() -> Response:
    """It runs."""
    return jsonify(status="healthy")


@app.post("/order")
def order() -> tuple[Response, int]:
    """Answers when Kafka has the order."""
    wanted = request.get_json(silent=True) or {}
    missing = [name for name in ("user_id", "item", "quantity") if not wanted.get(name)]
    if missing:
        return jsonify(error=f"missing: {', '.join(missing)}"), 400
    order_id = str(uuid4())
    event = {"event_type": "OrderPlaced", "order_id": order_id, **wanted}
    key = str(wanted["item"]).encode()
    try:
        sent = producer.send(TOPIC, json.dumps(event).encode(), key=key)
        sent.get(timeout=ACKNOWLEDGEMENT_S)
    except KafkaError:
        return jsonify(error="not placed"), 503
    return jsonify(order_id=order_id, status="placed"), 202
