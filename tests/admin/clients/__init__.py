"""The pages of clients and their secrets."""
