"""Every AWS operation that the functions call; a test holds the list equal to the code."""

CALLED_OPERATIONS = {
    "dynamodb": ("DeleteItem", "GetItem", "PutItem", "TransactWriteItems", "UpdateItem"),
    "kms": ("Decrypt", "Encrypt", "GetPublicKey", "Sign"),
}
