"""Throughput of batches: measured on one and two servers, simulated up to a thousand."""
