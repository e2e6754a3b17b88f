"""Measures peers and us side by side on the same real Kafka."""
