"""Every AWS operation that the functions call; a test holds the list equal to the code."""

CALLED_OPERATIONS = {
    "dynamodb": ("DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"),
    "kms": ("Decrypt", "Encrypt", "GetPublicKey", "Sign"),
    "sesv2": ("SendEmail",),
    "s3": ("GetObject", "ListObjectsV2", "PutObject"),
}
