"""The edge: a private bucket, and one front door with the same headers on everything."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from chalicelib.tenants.logo import address_of
from tests.support.cloud_formation import (
    PROJECT,
    Properties,
    Template,
    app_template,
    data_template,
    of_type,
    properties,
    resolved,
)

SECURITY_HEADERS = json.loads((PROJECT / "chalicelib/web/security_headers.json").read_text("utf-8"))


def of(name: str) -> Properties:
    return properties(app_template(), name)


def distribution() -> Properties:
    found: Properties = of("Distribution")["DistributionConfig"]
    return found


def behaviours() -> list[Properties]:
    return [distribution()["DefaultCacheBehavior"], *distribution()["CacheBehaviors"]]


def origin(identifier: str) -> Properties:
    (found,) = [origin for origin in distribution()["Origins"] if origin["Id"] == identifier]
    return dict(found)


class TestBuckets:
    """Nobody reaches a bucket from outside; CloudFront alone reads the page."""

    @pytest.fixture(params=["SiteBucket", "ArtifactsBucket"])
    def bucket(self, request: pytest.FixtureRequest) -> tuple[Template, str]:
        return (app_template() if request.param == "SiteBucket" else data_template()), request.param

    @pytest.mark.requirement("S11")
    def test_all_public_access_is_blocked(self, bucket: tuple[Template, str]) -> None:
        settings = properties(*bucket)

        assert settings["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        assert settings["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert "WebsiteConfiguration" not in settings

    def test_what_is_in_it_is_encrypted(self, bucket: tuple[Template, str]) -> None:
        (rule,) = properties(*bucket)["BucketEncryption"]["ServerSideEncryptionConfiguration"]

        assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}

    @pytest.mark.requirement("S11")
    def test_only_modern_tls_is_taken(self, bucket: tuple[Template, str]) -> None:
        template, name = bucket
        statements = properties(template, f"{name}Policy")["PolicyDocument"]["Statement"]
        denied = [statement for statement in statements if statement["Effect"] == "Deny"]

        assert [statement["Condition"] for statement in denied] == [
            {"Bool": {"aws:SecureTransport": "false"}},
            {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        ]
        for statement in denied:
            assert statement["Principal"] == "*"
            assert statement["Action"] == "s3:*"
            assert len(statement["Resource"]) == 2

    @pytest.mark.requirement("S11")
    def test_our_own_distribution_alone_reads_the_page(self) -> None:
        statements = of("SiteBucketPolicy")["PolicyDocument"]["Statement"]
        allow = [statement for statement in statements if statement["Effect"] == "Allow"]

        assert {statement["Action"] for statement in allow} == {"s3:GetObject", "s3:ListBucket"}
        for statement in allow:
            assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
            assert resolved(statement["Condition"], app_template()) == {
                "StringEquals": {
                    "AWS:SourceArn": "arn:aws:cloudfront::111122223333:distribution/Distribution"
                }
            }

    @pytest.mark.requirement("S11")
    def test_cloudfront_signs_what_it_asks_the_bucket(self) -> None:
        assert origin("site")["OriginAccessControlId"] == {"Fn::GetAtt": ["SiteAccess", "Id"]}
        access = of("SiteAccess")["OriginAccessControlConfig"]
        assert (access["SigningBehavior"], access["SigningProtocol"]) == ("always", "sigv4")

    def test_who_may_publish_objects_stands_in_no_policy_of_a_bucket(self) -> None:
        """The artifacts belong to the account's own administrators."""
        statements = properties(data_template(), "ArtifactsBucketPolicy")["PolicyDocument"]["Statement"]

        assert {statement["Effect"] for statement in statements} == {"Deny"}


class TestFrontDoor:
    """CloudFront before both, with the same headers on everything."""

    @pytest.mark.requirement("S7")
    def test_every_answer_carries_the_headers_of_the_one_file(self) -> None:
        """A response headers policy stands on errors, of S3 or the gateway, too."""
        config = of("SecurityHeaders")["ResponseHeadersPolicyConfig"]

        assert as_sent(config) == SECURITY_HEADERS
        assert {behaviour["ResponseHeadersPolicyId"]["Ref"] for behaviour in behaviours()} == {
            "SecurityHeaders"
        }

    @pytest.mark.requirement("S7")
    def test_the_file_holds_what_is_asked_of_it(self) -> None:
        max_age, *directives = SECURITY_HEADERS["Strict-Transport-Security"].split("; ")
        assert int(max_age.removeprefix("max-age=")) >= 31_536_000
        assert "includeSubDomains" in directives
        assert SECURITY_HEADERS["X-Content-Type-Options"] == "nosniff"
        assert SECURITY_HEADERS["Referrer-Policy"] == "no-referrer"
        assert SECURITY_HEADERS["Cross-Origin-Opener-Policy"] == "same-origin"
        assert SECURITY_HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"

    @pytest.mark.requirement("S7")
    def test_cloudfront_leaves_the_apis_no_store_alone(self) -> None:
        assert "Cache-Control" not in SECURITY_HEADERS
        (api,) = distribution()["CacheBehaviors"]
        assert api["PathPattern"] == "/api/*"
        # CloudFront's own names: CachingDisabled, AllViewerExceptHostHeader.
        assert api["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert api["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"

    def test_no_answer_of_the_api_is_replaced(self) -> None:
        """Its 403 and 404 are problems with a code, which a page of CloudFront's would hide."""
        assert "CustomErrorResponses" not in distribution()

    def test_answers_of_the_api_are_never_compressed(self) -> None:
        """They can hold a secret beside what somebody else chose: the length would tell."""
        page, api = behaviours()

        assert (page["Compress"], api["Compress"]) == (True, False)

    @pytest.mark.requirement("S11")
    def test_nothing_goes_unencrypted(self) -> None:
        page, api = behaviours()
        assert page["ViewerProtocolPolicy"] == "redirect-to-https"
        assert api["ViewerProtocolPolicy"] == "https-only"
        to_the_api = origin("api")["CustomOriginConfig"]
        assert to_the_api["OriginProtocolPolicy"] == "https-only"
        assert to_the_api["OriginSSLProtocols"] == ["TLSv1.2"]

    @pytest.mark.requirement("S11")
    def test_an_own_domain_takes_modern_tls_only(self) -> None:
        condition, own, given = distribution()["ViewerCertificate"]["Fn::If"]

        assert condition == "OwnDomain"
        assert own["MinimumProtocolVersion"] == "TLSv1.2_2021"
        assert own["SslSupportMethod"] == "sni-only"
        assert given == {"CloudFrontDefaultCertificate": True}

    def test_an_own_domain_stands_under_conditions_and_needs_a_certificate(self) -> None:
        condition, own, none = distribution()["Aliases"]["Fn::If"]
        assert (condition, none) == ("OwnDomain", {"Ref": "AWS::NoValue"})
        assert own["Fn::If"][2] == [{"Ref": "DomainName"}]
        records = of_type(app_template(), "AWS::Route53::RecordSet")
        assert {record["Type"] for record in records.values()} == {"A", "AAAA"}
        for name in records:
            assert app_template()["Resources"][name]["Condition"] == "OwnZone"
        (assertion,) = app_template()["Rules"]["OwnDomain"]["Assertions"]
        assert "CertificateArn" in json.dumps(assertion["Assert"])

    def test_further_domains_stand_beside_it(self) -> None:
        condition, several, _ = distribution()["Aliases"]["Fn::If"][1]["Fn::If"]
        assert condition == "MoreDomains"
        assert several == {"Fn::Split": [",", {"Fn::Sub": "${DomainName},${MoreDomainNames}"}]}
        allowed = re.compile(app_template()["Parameters"]["MoreDomainNames"]["AllowedPattern"])
        for names in ("", "tva.byra.se", "tva.byra.se,tva.nord.example"):
            assert allowed.fullmatch(names)
        for names in ("byra", "tva.byra.se,", "tva.byra.se, tva.nord.se", "*.byra.se"):
            assert not allowed.fullmatch(names)
        (assertion,) = app_template()["Rules"]["MoreDomains"]["Assertions"]
        assert "DomainName" in json.dumps(assertion["Assert"])

    def test_a_web_acl_stands_before_everything_if_one_is_named(self) -> None:
        condition, named, none = distribution()["WebACLId"]["Fn::If"]

        assert (condition, named, none) == ("Guarded", {"Ref": "WebAclArn"}, {"Ref": "AWS::NoValue"})
        assert app_template()["Parameters"]["WebAclArn"]["Default"] == ""

    def test_the_page_is_read_only_and_keeps_what_its_files_say(self) -> None:
        page = distribution()["DefaultCacheBehavior"]
        caching = of("SiteCaching")["CachePolicyConfig"]

        assert distribution()["DefaultRootObject"] == "index.html"
        assert page["AllowedMethods"] == ["GET", "HEAD"]
        assert page["CachePolicyId"] == {"Ref": "SiteCaching"}
        assert (caching["MinTTL"], caching["DefaultTTL"], caching["MaxTTL"]) == (0, 0, 31_536_000)

    @pytest.mark.requirement("S7")
    def test_tenants_logos_are_files_of_the_page(self) -> None:
        """Of its bucket, by the one behaviour that is for no path of its own, headers and all."""
        (api,) = distribution()["CacheBehaviors"]
        page = distribution()["DefaultCacheBehavior"]

        assert not fnmatchcase(address_of("cozone", b""), api["PathPattern"])
        assert page["TargetOriginId"] == "site"
        assert "OriginPath" not in origin("site")
        assert page["ResponseHeadersPolicyId"] == {"Ref": "SecurityHeaders"}
        (allowed,) = [
            statement
            for statement in of("SiteBucketPolicy")["PolicyDocument"]["Statement"]
            if statement["Action"] == "s3:GetObject"
        ]
        assert allowed["Resource"] == {"Fn::Sub": "${SiteBucket.Arn}/*"}

    def test_the_viewer_is_told_to_the_api_alone(self) -> None:
        page, api = behaviours()

        assert "FunctionAssociations" not in page
        (association,) = api["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        assert association["FunctionARN"] == {"Fn::GetAtt": ["ViewerRequest", "FunctionARN"]}
        assert of("ViewerRequest")["FunctionCode"] == (PROJECT / ".chalice/viewer-request.js").read_text()
        assert of("ViewerRequest")["AutoPublish"] is True
        assert of("ViewerRequest")["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"

    def test_new_protocols_and_ipv6_are_spoken(self) -> None:
        assert distribution()["HttpVersion"] == "http2and3"
        assert distribution()["IPV6Enabled"] is True


def as_sent(config: dict[str, Any]) -> dict[str, str]:
    """Return the headers that CloudFront makes of a response headers policy."""
    known = config["SecurityHeadersConfig"]
    custom = config["CustomHeadersConfig"]["Items"]
    assert all(entry["Override"] for entry in [*known.values(), *custom])
    hsts = known["StrictTransportSecurity"]
    directives = [
        f"max-age={hsts['AccessControlMaxAgeSec']}",
        *(["includeSubDomains"] if hsts["IncludeSubdomains"] else []),
        *(["preload"] if hsts["Preload"] else []),
    ]
    return {
        "Content-Security-Policy": known["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": known["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": "; ".join(directives),
        "X-Content-Type-Options": "nosniff" if "ContentTypeOptions" in known else "",
        "X-Frame-Options": known["FrameOptions"]["FrameOption"],
        **{entry["Header"]: entry["Value"] for entry in custom},
    }
