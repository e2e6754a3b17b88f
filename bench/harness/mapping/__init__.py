"""What `bench/mapping` does."""
