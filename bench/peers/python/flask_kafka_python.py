"""Flask + kafka-python, as the seeds write it, but waiting for the acknowledgement of all."""

import os
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from kafka import KafkaProducer
from kafka.errors import KafkaError

TOPIC = "events"
ACKNOWLEDGEMENT_S = 10

app = Flask(__name__)
# One a worker: gunicorn loads this file after its fork.
producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all")


@app.post("/register_event")
def register_event() -> tuple[Response, int]:
    """Answers when Kafka has the event."""
    event = request.get_json(silent=True)
    if not isinstance(event, dict):
        return jsonify(error="not a JSON object"), 400
    user = event.get("user_id")
    key = user.encode() if isinstance(user, str) else None
    try:
        producer.send(TOPIC, request.get_data(), key=key).get(timeout=ACKNOWLEDGEMENT_S)
    except KafkaError:
        return jsonify(error="not registered"), 503
    accepted = jsonify(
        event_id=str(uuid4()), status="pending", message="Event registered successfully"
    )
    return accepted, 202
