"""What the parts share: processes, what the sink received, and checks."""
