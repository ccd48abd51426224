"""The stored record of remembered browsers, its port and its DynamoDB."""
