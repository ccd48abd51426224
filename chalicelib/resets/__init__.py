"""The stored record of a reset by the help desk, its port and its DynamoDB."""
