"""Connections and datagrams of checks: TCP, TLS, UDP."""
