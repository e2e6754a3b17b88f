"""The embedded broker beside a real Kafka: the same client calls on both, in turns."""
