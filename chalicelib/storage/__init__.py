"""How records are kept: one transaction of named changes, whoever carries it out."""

import logging

# PynamoDB tells at import, in two lines of INFO, that nobody has overridden its settings.
logging.getLogger("pynamodb").setLevel(logging.WARNING)
