"""
Two-step verification for the users of a portal.

The journey, in the order a user meets it:

1. ``sign_in``       who are you: user name, password, session, password again
2. ``enrolment``     bind an authenticator: begin, offer (QR and key), confirm
3. ``verification``  prove it at every later sign-in
4. ``portals``       a portal asks for itself, hands users over and gets them back

Each journey speaks HTTP in its ``routes.py`` and nowhere else. Below them lie
the stored records they share (``accounts``, ``authenticators``, ``tenants``,
``sessions``, ``hand_offs``, ``assertions``, ``audit``), then keys, storage and
the pure algorithms.
Calls go downwards only; ``pyproject.toml`` holds the rule.
"""
