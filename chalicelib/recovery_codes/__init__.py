"""The stored record of a set of recovery codes, its port and its DynamoDB."""
