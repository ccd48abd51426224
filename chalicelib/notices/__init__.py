"""Mails that tell a user what happened to their second factor, made from events."""
