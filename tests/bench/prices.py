"""What AWS asks: the public price list, without taxes and without anybody's discounts."""

from __future__ import annotations

from dataclasses import dataclass

LOOKED_UP = "23 November 2026"
REGION = "us-east-1 (CloudFront: United States)"

_DYNAMODB = "aws.amazon.com/dynamodb/pricing/on-demand"
_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing"
_CLOUDFRONT = "aws.amazon.com/cloudfront/pricing"
_LAMBDA = "aws.amazon.com/lambda/pricing"
_KMS = "aws.amazon.com/kms/pricing"
_S3 = "aws.amazon.com/s3/pricing"
_GATEWAY = "aws.amazon.com/api-gateway/pricing"


@dataclass(frozen=True, kw_only=True)
class Price:
    """
    *dollars* for *per* units.

    *free* units of each month cost an account nothing, for ever and all its
    services together. *note* says how sure the number is.
    """

    unit: str
    dollars: float
    per: int = 1
    free: float = 0
    source: str
    note: str

    def of(self, units: float) -> float:
        """Return what *units* cost, in dollars."""
        return units * self.dollars / self.per


_QUOTED = "as quoted by others in 2025 and 2026"
_FROM_MEMORY = "from memory, to be checked"

WRITE = Price(
    unit="DynamoDB write request unit",
    dollars=0.625,
    per=1_000_000,
    source=_DYNAMODB,
    note=_QUOTED,
)
READ = Price(
    unit="DynamoDB read request unit",
    dollars=0.125,
    per=1_000_000,
    source=_DYNAMODB,
    note=_QUOTED,
)
STORED = Price(unit="GB-month in DynamoDB", dollars=0.25, free=25, source=_DYNAMODB, note=_FROM_MEMORY)
BACKED_UP = Price(
    unit="GB-month of point-in-time recovery", dollars=0.20, source=_DYNAMODB, note=_FROM_MEMORY
)
OBJECT_PUT = Price(
    unit="S3 request that writes or lists",
    dollars=0.005,
    per=1_000,
    source=_S3,
    note=_FROM_MEMORY,
)
OBJECT_GET = Price(
    unit="S3 request that reads",
    dollars=0.0004,
    per=1_000,
    source=_S3,
    note=_FROM_MEMORY,
)
OBJECTS_STORED = Price(unit="GB-month in S3", dollars=0.023, source=_S3, note=_FROM_MEMORY)
KMS_REQUEST = Price(
    unit="KMS request, symmetric key",
    dollars=0.03,
    per=10_000,
    free=20_000,
    source=_KMS,
    note=_QUOTED,
)
KMS_SIGNATURE = Price(
    unit="KMS request, elliptic curve",
    dollars=0.15,
    per=10_000,
    source=_KMS,
    note=_QUOTED,
)
KEY = Price(unit="KMS key and month", dollars=1.00, source=_KMS, note=_QUOTED)
GATEWAY_REQUEST = Price(
    unit="API Gateway request, REST",
    dollars=3.50,
    per=1_000_000,
    source=_GATEWAY,
    note="read by others on 20 September 2026; the same in eu-north-1",
)
LAMBDA_REQUEST = Price(
    unit="Lambda request",
    dollars=0.20,
    per=1_000_000,
    free=1_000_000,
    source=_LAMBDA,
    note=_QUOTED,
)
GIGABYTE_SECOND = Price(
    unit="Lambda GB-second, arm64",
    dollars=0.0000133334,
    free=400_000,
    source=_LAMBDA,
    note=_QUOTED,
)
EDGE_REQUEST = Price(
    unit="CloudFront request, HTTPS",
    dollars=0.0100,
    per=10_000,
    free=10_000_000,
    source=_CLOUDFRONT,
    note=f"{_QUOTED}; what is free: read on 5 September 2026",
)
EDGE_FUNCTION = Price(
    unit="CloudFront Function call",
    dollars=0.10,
    per=1_000_000,
    free=2_000_000,
    source=_CLOUDFRONT,
    note=_FROM_MEMORY,
)
SENT = Price(unit="GB sent by CloudFront", dollars=0.085, free=1_024, source=_CLOUDFRONT, note=_QUOTED)
LOGGED = Price(
    unit="GB of log, taken in",
    dollars=0.50,
    free=5,
    source=_CLOUDWATCH,
    note="read by others on 5 May 2026",
)
METRIC = Price(
    unit="metric of our own and month",
    dollars=0.30,
    free=10,
    source=_CLOUDWATCH,
    note="read by others on 5 May 2026; charged for the hours in which it is sent",
)
ALARM = Price(
    unit="alarm and month",
    dollars=0.10,
    free=10,
    source=_CLOUDWATCH,
    note="read by others on 5 May 2026",
)
MAIL = Price(
    unit="mail sent by SES",
    dollars=0.10,
    per=1_000,
    source="aws.amazon.com/ses/pricing",
    note=_FROM_MEMORY,
)

ALL = (
    GATEWAY_REQUEST,
    LAMBDA_REQUEST,
    GIGABYTE_SECOND,
    WRITE,
    READ,
    STORED,
    BACKED_UP,
    OBJECT_PUT,
    OBJECT_GET,
    OBJECTS_STORED,
    KMS_REQUEST,
    KMS_SIGNATURE,
    KEY,
    EDGE_REQUEST,
    EDGE_FUNCTION,
    SENT,
    LOGGED,
    METRIC,
    ALARM,
    MAIL,
)
