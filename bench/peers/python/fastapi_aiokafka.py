"""FastAPI + aiokafka, as the seeds write it, but waiting for the acknowledgement of all replicas.

The event is checked to be a JSON object and keyed by its user, as ours is; without a pydantic
model, since that would only be slower.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI, HTTPException, Request

TOPIC = "events"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One producer a worker."""
    app.state.producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        acks="all",
        enable_idempotence=True,
    )
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/register_event", status_code=202)
async def register_event(request: Request) -> dict[str, str]:
    """Answers when Kafka has the event."""
    body = await request.body()
    try:
        event = await request.json()
        user = event.get("user_id")
    except (ValueError, AttributeError) as error:
        raise HTTPException(400, "not a JSON object") from error
    key = user.encode() if isinstance(user, str) else None
    try:
        await request.app.state.producer.send_and_wait(TOPIC, body, key=key)
    except KafkaError as error:
        raise HTTPException(503, "not registered") from error
    return {
        "event_id": str(uuid4()),
        "status": "pending",
        "message": "Event registered successfully",
    }
